"""`serried stats` against NumPy and SciPy."""

import os

from support import CommandTest, main, need_oracles, run, run_json

need_oracles()
import h5py
import numpy as np
import scipy.stats


def reference(values, ddof=0):
    """All statistics of the numbers among `values`, in long double."""
    x = np.asarray(values)
    if x.dtype.kind == "f":
        x = x[~np.isnan(x)]
    wide = x.astype(np.longdouble)
    mean = wide.mean()
    deviation = wide - mean
    m2, m3, m4 = ((deviation**k).mean() for k in (2, 3, 4))
    return {"count": x.size, "nan_count": np.size(values) - x.size, "min": x.min(), "max": x.max(),
            "mean": float(mean), "variance": float(m2 * x.size / (x.size - ddof)),
            "std": float(np.sqrt(m2 * x.size / (x.size - ddof))), "skewness": float(m3 / m2 ** np.longdouble(1.5)),
            "kurtosis": float(m4 / m2**2 - 3)}


class StatsOracle(CommandTest):
    def write(self, name, **datasets):
        path = self.path(name)
        with h5py.File(path, "w") as f:
            for key, value in datasets.items():
                f[key] = value
        return path

    def assert_statistics(self, found, expected, rtol=1e-12):
        for key in ("count", "nan_count"):
            self.assertEqual(found[key], expected[key], key)
        for key in ("min", "max"):
            self.assertEqual(found[key], expected[key].item(), key)
        for key in ("mean", "variance", "std"):
            np.testing.assert_allclose(found[key], expected[key], rtol=rtol, err_msg=key)
        for key in ("skewness", "kurtosis"):
            np.testing.assert_allclose(found[key], expected[key], rtol=1e-9, atol=1e-9, err_msg=key)

    def stats(self, address, *options, ranks=3):
        return run_json("stats", address, *options, ranks=ranks)["datasets"][0]

    def test_every_dtype(self):
        rng = np.random.default_rng(3)
        data = {}
        for code in ("i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"):
            info = np.iinfo(code)
            low, high = max(info.min, -(2**50)), min(info.max, 2**50)
            data[code] = rng.integers(low, high, (61, 47), dtype=code, endpoint=True)
        data["i8"][0, :2] = [-(2**63), 2**63 - 1]
        data["u8"][0, 0] = 2**64 - 1
        for code in ("f2", "f4", "f8"):
            data[code] = rng.gamma(2, 3, (61, 47)).astype(code)
            data[code][5, 6:9] = np.nan
        data["bool"] = rng.integers(0, 2, (61, 47)).astype(bool)
        for code in ("i2", "i4", "i8", "u8", "f2", "f4", "f8"):
            data[code + "_big_endian"] = data[code].astype(">" + code)
        path = self.write("dtypes.h5", **data)
        for name, values in data.items():
            with self.subTest(dtype=name):
                found = self.stats(f"{path}:/{name}")
                self.assertEqual(found["shape"], [61, 47])
                self.assert_statistics(found, reference(values.astype("u1") if name == "bool" else values))

    def test_scipy_defaults(self):
        x = np.random.default_rng(4).gamma(1.5, 2, 5000)
        path = self.write("gamma.h5", x=x)
        found = self.stats(path)
        np.testing.assert_allclose(found["skewness"], scipy.stats.skew(x), rtol=1e-11)
        np.testing.assert_allclose(found["kurtosis"], scipy.stats.kurtosis(x), rtol=1e-11)
        np.testing.assert_allclose(found["variance"], np.var(x), rtol=1e-12)
        np.testing.assert_allclose(self.stats(path, "--ddof", 1)["std"], np.std(x, ddof=1), rtol=1e-12)

    def test_small_spread_far_from_zero(self):
        # As NIST's NumAcc4: 10000000.2 and alternately +-0.1; the standard deviation is 0.1 (ddof 1, odd n).
        x = np.tile([10000000.1, 10000000.3], 500)
        x = np.concatenate([[10000000.2], x])
        path = self.write("numacc4.h5", x=x)
        expected = reference(x, ddof=1)
        for ranks in (1, 3):
            found = self.stats(path, "--ddof", 1, ranks=ranks)
            np.testing.assert_allclose(found["mean"], expected["mean"], rtol=1e-15)
            np.testing.assert_allclose(found["std"], expected["std"], rtol=1e-13)

    def test_by_column(self):
        rng = np.random.default_rng(5)
        x = rng.normal(size=(400, 3, 2)) * [[1, 10], [100, 0.1], [2, 3]] + 5
        x[7, 1, 1] = np.nan
        path = self.write("columns.h5", x=x)
        found = self.stats(path, "--by-column", "--range", "0,10", "--bins", 7)
        self.assertEqual(found["column_shape"], [3, 2])
        columns = x.reshape(400, 6)
        for c in range(6):
            one = {key: value[c] for key, value in found.items() if isinstance(value, list) and len(value) == 6}
            self.assert_statistics(one, reference(columns[:, c]))
            counts, edges = np.histogram(columns[~np.isnan(columns[:, c]), c], 7, (0, 10))
            self.assertEqual(one["histogram"]["counts"], counts.tolist())
            self.assertEqual(one["histogram"]["edges"], edges.tolist())

    def test_quantiles(self):
        rng = np.random.default_rng(11)
        data = {"f8": rng.normal(size=(3001, 4)), "f4": rng.normal(size=(3001, 4)).astype("f4"),
                "i2": rng.integers(-999, 999, (3001, 4), dtype="i2"), "flag": rng.integers(0, 2, (40, 4)).astype(bool),
                "cube": rng.normal(size=(3, 70, 80))}
        data["f8"][7, 1] = np.nan
        path = self.write("quantiles.h5", **data)
        q = [0.01, 0.5, 0.99, 0, 1]
        text = ",".join(map(str, q))
        for name, values in data.items():
            wide = values.astype("f8")
            rtol = 1e-6 if name == "f4" else 1e-13
            found = self.stats(f"{path}:/{name}", "--quantiles", text)
            self.assertEqual(found["quantiles"]["q"], q)
            np.testing.assert_allclose(found["quantiles"]["values"], np.nanquantile(wide, q), rtol=rtol)
            self.assert_statistics(found, reference(values.astype("u1") if name == "flag" else values))
            found = self.stats(f"{path}:/{name}", "--quantiles", text, "--by-column", ranks=2)
            np.testing.assert_allclose(found["quantiles"]["values"],
                                       np.nanquantile(wide.reshape(len(wide), -1), q, axis=0), rtol=rtol)
        answers = [run("stats", f"{path}:/cube", "--quantiles", "0.3", ranks=ranks).stdout.split("seconds")[0]
                   for ranks in (1, 2, 4)]
        self.assertEqual(len(set(answers)), 1)
        self.assertIn("q 0.3", answers[0])
        found = self.stats(self.write("nothing.h5", x=np.zeros(0)), "--quantiles", "0.5")
        self.assertEqual((found["count"], found["quantiles"]["values"]), (0, [None]))

    def test_where(self):
        rng = np.random.default_rng(12)
        x = rng.normal(size=(2011, 5))
        x[3, 1:4] = np.nan
        mask = rng.integers(0, 2, (2011, 5)).astype(bool)
        row = np.array([True, False, True, True, False])
        i = rng.integers(-1000, 1000, (2011, 5))
        wide = rng.integers(2**62, 2**62 + 2000, 5001)
        unsigned = rng.integers(2**63, 2**63 + 2000, 5001, dtype="u8")
        cube = rng.normal(size=(3, 60, 50))
        path = self.write("where.h5", x=x, u=x.astype("f4"), mask=mask, row=row, i=i, wide=wide, unsigned=unsigned,
                          cube=cube)
        operands = [f"{name}={path}:/{name}" for name in ("mask", "row")]
        for name, text, taken, more in (
                ("x", "x > 0 and mask", x[(x > 0) & mask], operands[:1]), ("x", "mask", x[mask], operands[:1]),
                ("x", "row", x[:, row], operands[1:]), ("x", "isnan(x) or x < mean(x, where=x < 9)", None, []),
                ("u", "u > 0.5", x.astype("f4")[x.astype("f4") > 0.5], []), ("i", "i % 3 == 0", i[i % 3 == 0], []),
                ("cube", "x > mean(x)", cube[cube > cube.mean()], []),
                ("cube", "index(0) == 1 && x < 1", cube[1][cube[1] < 1], [])):
            if taken is None:
                taken = x[np.isnan(x) | (x < np.nanmean(x))]
            found = self.stats(f"{path}:/{name}", "--where", text, *more, "--quantiles", "0.25,0.5")
            self.assert_statistics(found, reference(taken), rtol=1e-6 if name == "u" else 1e-12)
            np.testing.assert_allclose(found["quantiles"]["values"], np.nanquantile(taken, [0.25, 0.5]), rtol=1e-6)
            self.assertEqual(found["where"], text)
        for name, values in (("wide", wide), ("unsigned", unsigned)):
            found = self.stats(f"{path}:/{name}", "--where", "x % 7 == 0")
            taken = values[values % 7 == 0]
            self.assertEqual((found["count"], found["min"], found["max"]), (taken.size, taken.min(), taken.max()))
        found = self.stats(f"{path}:/x", "--where", "x > 0", "--by-column", "--bins", 4, "--range=0,2", ranks=2)
        for c in range(5):
            column = x[x[:, c] > 0, c]
            self.assertEqual(found["count"][c], column.size)
            self.assertEqual(found["max"][c], column.max())
            self.assertEqual(found["histogram"][c]["counts"], np.histogram(column, 4, (0, 2))[0].tolist())
        for name in ("x", "i", "wide"):
            found = self.stats(f"{path}:/{name}", "--where", "x != x and x == 5", "--quantiles", "0.5")
            self.assertEqual((found["count"], found["min"], found["mean"], found["quantiles"]["values"]),
                             (0, None, None, [None]))

    def test_where_is_the_same_at_any_number_of_ranks(self):
        rng = np.random.default_rng(13)
        path = self.write("bits.h5", x=rng.normal(size=(20011, 3)), y=rng.normal(size=(20011, 3)))
        arguments = ["stats", f"{path}:/x", "--where", "x * y > 0.1", f"y={path}:/y", "--quantiles", "0.1,0.9",
                     "--bins", 9]
        answers = []
        for ranks, options in ((1, []), (2, []), (3, ["--threads", 2]), (4, []), (1, ["--memory", "40M"])):
            answer = run_json(*arguments, *options, ranks=ranks)
            answer.pop("seconds")
            answers.append(answer)
        for answer in answers[1:]:
            self.assertEqual(answer, answers[0])

    def test_page_of_a_selection(self):
        path = self.write("page.h5", u=np.random.default_rng(14).normal(size=(50, 60)))
        page, trace = self.path("page.html"), self.path("trace.json")
        done = run("stats", f"{path}:/u", "--where", "u > 0", "--quantiles", "0.5", "--report", page, "--trace", trace,
                   ranks=2)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("where u > 0", done.stdout)
        with open(page, encoding="utf-8") as f:
            text = f.read()
        for part in ("where u &gt; 0", "q 0.5", "Histogram"):
            self.assertIn(part, text)

    def test_wrong_selections(self):
        path = self.write("wrong.h5", x=np.zeros((5, 3)), y=np.zeros((7, 5, 3)), z=np.zeros(4) * 1j, words=["a"])
        for code, part, *arguments in (
                (2, "there is no 'w'; the names are x", "--where", "w > 0"),
                (2, "'y' is given, but not used", "--where", "x > 0", f"y={path}:/y"),
                (2, "x is the dataset itself", "--where", "x > 0", f"x={path}:/y"),
                (2, "one condition", "--where", "x > 0, x < 1"),
                (2, "does not fit", "--where", "y > x", f"y={path}:/y"),
                (2, "--quantiles 1.5", "--quantiles", "1.5"), (2, "--quantiles", "--quantiles", "0.1,,"),
                (2, "ends too early", "--where", "x >"), (4, "nowhere", "--where", "y > 0", "y=nowhere.h5:/y"),
                (3, "words", "--where", "y > 0", f"y={path}:/words")):
            for ranks in (0, 2):
                done = run("stats", f"{path}:/x", *arguments, ranks=ranks)
                self.assertEqual(done.returncode, code, f"{arguments} {done.stderr}")
                self.assertIn(part, done.stderr)
        self.assertEqual(run("stats", f"{path}:/z", "--where", "abs(x) > 0").returncode, 3)

    def test_histogram_is_numpy_s(self):
        rng = np.random.default_rng(6)
        data = {"normal": rng.normal(size=30011), "f4": rng.normal(size=30011).astype("f4") * 3,
                "whole": rng.integers(-50, 50, 30011).astype("i2"), "edges": np.repeat(np.linspace(0, 1, 11), 100),
                "same": np.full(77, 2.5)}
        path = self.write("histogram.h5", **data)
        for name, values in data.items():
            for options, bins, limits in (([], 10, (0.0, 1.0)), (["--bins", 20], 20, (-1.5, 0.7)),
                                          (["--bins", 33], 33, None)):
                with self.subTest(name=name, bins=bins, limits=limits):
                    text = [] if limits is None else [f"--range={limits[0]},{limits[1]}"]
                    found = self.stats(f"{path}:/{name}", *options, *text)["histogram"]
                    counts, edges = np.histogram(values, bins, limits)
                    self.assertEqual(found["edges"], edges.tolist())
                    self.assertEqual(found["counts"], counts.tolist())

    def test_selections_and_storage(self):
        rng = np.random.default_rng(7)
        x = rng.normal(size=(37, 41, 13))
        path = self.path("storage.h5")
        with h5py.File(path, "w") as f:
            f.create_dataset("x", data=x, chunks=(10, 7, 5), compression=6, shuffle=True, fletcher32=True)
        for text, index in (("[3:30:2,:,4]", np.s_[3:30:2, :, 4]), ("[:,5]", np.s_[:, 5]), ("[-3:]", np.s_[-3:]),
                            ("", np.s_[...])):
            with self.subTest(selection=text):
                found = self.stats(f"{path}:/x{text}")
                self.assertEqual(found["shape"], list(x[index].shape))
                self.assert_statistics(found, reference(x[index]))

    def test_no_numbers_are_null_with_a_count(self):
        path = self.write("none.h5", empty=np.zeros((0, 4)), nan=np.full(9, np.nan), one=np.array([4.0]),
                          scalar=np.float64(3), infinite=np.array([1.0, np.inf, 2.0]))
        for name, count, nan_count in (("empty", 0, 0), ("nan", 0, 9)):
            found = self.stats(f"{path}:/{name}")
            self.assertEqual((found["count"], found["nan_count"]), (count, nan_count))
            for key in ("min", "max", "mean", "variance", "std", "skewness", "kurtosis"):
                self.assertIsNone(found[key], key)
            self.assertEqual(found["nonfinite_count"], 7)
        found = self.stats(f"{path}:/one", "--ddof", 1)
        self.assertEqual((found["mean"], found["variance"]), (4, None))
        self.assertEqual(self.stats(f"{path}:/scalar")["mean"], 3)
        infinite = self.stats(f"{path}:/infinite")
        self.assertEqual((infinite["min"], infinite["max"]), (1, None))

    def test_series_keeps_every_rank_busy(self):
        rng = np.random.default_rng(8)
        parts = [rng.normal(size=(200, 100)) for _ in range(3)]
        for i, part in zip((1, 2, 10), parts):
            self.write(f"run_{i}.h5", u=part)
        done = run("stats", self.path("run_*.h5:/u"), "--report", "-", "--json", ranks=4)
        self.assertEqual(done.returncode, 0, done.stderr)
        found = run_json("stats", self.path("run_*.h5:/u"), ranks=4)["datasets"][0]
        self.assertEqual(found["shape"], [3, 200, 100])
        self.assert_statistics(found, reference(np.stack(parts)))
        # Four ranks alike share a row, whose last column says how much each moved through files.
        row = [line for line in done.stderr.splitlines() if line.startswith("0-3 ")]
        self.assertEqual(len(row), 1, done.stderr)
        self.assertNotIn(" 0 B", row[0], "a rank was idle")
        self.assertRegex(row[0], r"(11\d|12\d|13\d) kB")
        self.assertRegex(done.stderr, r"more\s+ranks\s+would")  # lines are broken at 100 columns

    def test_text_for_people(self):
        path = self.write("text.h5", x=np.arange(100.0))
        done = run("stats", f"{path}:/x", "--bins", 4, ranks=2)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"mean +49\.5\n")
        self.assertEqual(len([line for line in done.stdout.splitlines() if "#" in line]), 4)
        self.assertEqual(done.stderr, "")


if __name__ == "__main__":
    main()
