"""`serried sort` and `serried unique` against NumPy."""

import os

from support import CommandTest, main, need_oracles, run, run_json

need_oracles()
import h5py
import numpy as np


def sorted_stable(x, axis, is_descending):
    """NaN last, equal values in their order, either way: the values and where they came from."""
    key = x.astype(np.longdouble if x.dtype.kind == "f" else object if x.dtype.kind == "u" else "i8")
    order = np.argsort(-key if is_descending else key, axis=axis, kind="stable")
    return np.take_along_axis(x, order, axis), order


class Order(CommandTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        rng = np.random.default_rng(41)
        holes = rng.normal(size=(301, 6)).round(1)
        holes[rng.integers(0, 301, 40), rng.integers(0, 6, 40)] = np.nan
        cls.data = {
            "line": rng.normal(size=20011).round(2),
            "holes": holes,
            "f4": rng.normal(size=(7, 5, 11)).astype("f4").round(1),
            "f2": rng.normal(size=400).astype("f2"),
            "i8": rng.integers(-5, 5, (97, 8)),
            "u8": rng.integers(2**63, 2**63 + 9, 500, dtype="u8"),
            "u1": rng.integers(0, 256, (40, 30), dtype="u1"),
            "flag": rng.integers(0, 2, 300).astype(bool),
            "big": rng.integers(-9000, 9000, 700).astype(">i2"),
            "one": np.array([3.5]),
            "empty": np.zeros((0, 3)),
            "same": np.full(5000, 7, "i4"),
            "zeros": np.array([0.0, -0.0, 1.0, -0.0, np.nan, 0.0, np.nan, -1.0]),
        }
        cls.file = os.path.join(cls.folder, "run.h5")
        with h5py.File(cls.file, "w") as f:
            for name, values in cls.data.items():
                f[name] = values
            f["number"], f["z"], f["words"] = 2.5, np.zeros(3) * 1j, ["a", "b"]
            f["t"], f["x"] = np.arange(301.0), np.arange(6.0)
            for axis, name in enumerate(("t", "x")):
                f[name].make_scale(name)
                f["holes"].dims[axis].attach_scale(f[name])
        for i in (1, 2):
            with h5py.File(os.path.join(cls.folder, f"step_{i}.h5"), "w") as f:
                f["u"] = cls.data["i8"] * i

    def sort(self, name, *options, ranks=3):
        path = self.path("sorted.h5")
        answer = run_json("sort", f"{self.file}:/{name}", "-o", path, "--indices", path + ":/deep/order", *options,
                          ranks=ranks)
        with h5py.File(path) as f:
            return f[answer["object"]][...], f["deep/order"][...], answer

    def test_every_dtype_and_axis(self):
        for name, x in self.data.items():
            for axis in range(-1, x.ndim):
                for options in ([], ["--descending"]):
                    with self.subTest(name=name, axis=axis, options=options):
                        found, indices, answer = self.sort(name, "--axis", axis, *options,
                                                           ranks=1 + (axis + len(options)) % 3)
                        values, order = sorted_stable(x, axis, bool(options))
                        self.assertEqual(found.dtype, x.dtype.newbyteorder("="))
                        np.testing.assert_array_equal(found, values)
                        np.testing.assert_array_equal(indices, order)
                        self.assertEqual(answer["axis"], axis % x.ndim)
                        self.assertEqual(answer["descending"], bool(options))

    def test_number_of_ranks_changes_no_bit(self):
        for name in ("line", "holes", "zeros"):
            first = None
            for ranks, options in ((1, []), (2, []), (3, ["--threads", 2]), (4, [])):
                found, indices, _ = self.sort(name, "--axis", 0, *options, ranks=ranks)
                first = first or (found.tobytes(), indices.tobytes())
                self.assertEqual((found.tobytes(), indices.tobytes()), first, (name, ranks))

    def test_series_and_selections(self):
        series = np.stack([self.data["i8"] * i for i in (1, 2)])
        path = self.path("series.h5")
        run_json("sort", self.path("step_*.h5") + ":/u", "-o", path + ":/u", "--axis", 0, ranks=2)
        with h5py.File(path) as f:
            np.testing.assert_array_equal(f["u"][...], np.sort(series, 0))
        run_json("sort", f"{self.file}:/line[::3]", "-o", path, ranks=2)
        with h5py.File(path) as f:
            np.testing.assert_array_equal(f["sorted"][...], np.sort(self.data["line"][::3]))

    def test_what_stands_beside(self):
        path, indices, page = self.path("out.h5"), self.path("indices.h5"), self.path("page.html")
        done = run("sort", f"{self.file}:/holes", "-o", path + ":/a/b", "--axis", "0", "--indices", indices, "--report",
                   page, ranks=2)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("sorted along axis 0, ascending", done.stdout)
        with h5py.File(path) as f, h5py.File(indices) as g:
            self.assertIn("sort ", f.attrs["command_line"])
            self.assertIn("sort ", g.attrs["command_line"])
            self.assertEqual(f["a/b"].attrs["order"], "ascending")
            self.assertTrue(f["a/b"].attrs["sorted"].endswith("run.h5:/holes"))
            # what is sorted has no places any more, the other axis has
            self.assertEqual((len(f["a/b"].dims[0]), len(f["a/b"].dims[1])), (0, 1))
            self.assertEqual(g["indices"].dtype, np.int64)
        with open(page, encoding="utf-8") as f:
            text = f.read()
        for part in ("serried sort", "ascending along axis 0", "indices.h5:/indices"):
            self.assertIn(part, text)

    def test_unique(self):
        for name, x in [*self.data.items(), ("number", np.float64(2.5))]:
            with self.subTest(name=name):
                values, counts = np.unique(x, return_counts=True)
                out = self.path("unique.h5")
                answer = run_json("unique", f"{self.file}:/{name}", "--counts", "-o", out, "--limit", 20, ranks=2)
                self.assertEqual(answer["unique_count"], len(values))
                self.assertEqual(answer["shape"], list(np.shape(x)))
                with h5py.File(out) as f:
                    np.testing.assert_array_equal(f["values"][...], values)
                    np.testing.assert_array_equal(f["values_counts"][...], counts)
                    self.assertIn("unique ", f.attrs["command_line"])
                self.assertEqual(answer["counts"], counts[:20].tolist())
                shown = [None if v != v else v for v in values[:20].tolist()]
                np.testing.assert_array_equal(np.array(answer["values"], object), np.array(shown, object))

    def test_unique_text_and_page(self):
        page = self.path("unique.html")
        done = run("unique", f"{self.file}:/i8", "--counts", "--limit", 3, "--report", page, ranks=3)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        values, counts = np.unique(self.data["i8"], return_counts=True)
        lines = [line.split() for line in done.stdout.splitlines()]
        self.assertEqual(lines[1][:3], [str(len(values)), "different", "values"])
        self.assertEqual(lines[3:6], [[str(v), str(c)] for v, c in zip(values[:3], counts[:3])])
        self.assertEqual(lines[6][:3], ["...", str(len(values) - 3), "more"])
        with open(page, encoding="utf-8") as f:
            self.assertIn("serried unique", f.read())
        texts = {run("unique", f"{self.file}:/line", "--counts", ranks=ranks).stdout.split("seconds")[0]
                 for ranks in (1, 2, 4)}
        self.assertEqual(len(texts), 1)

    def test_too_little_memory_is_told_before_the_work(self):
        large = self.path("large.h5")
        with h5py.File(large, "w") as f:
            f.create_dataset("x", (20000000,), "f4", chunks=(1000000,), compression=1)
        for arguments in (["sort", f"{large}:/x", "-o", self.path("large_out.h5")], ["unique", f"{large}:/x"]):
            done = run(*arguments, "--memory", "100M", ranks=2)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn("needs at least", done.stderr)
        os.remove(large)

    def test_wrong_usage_data_and_files(self):
        line, out = f"{self.file}:/line", self.path("refused.h5")
        for code, part, *arguments in (
                (2, "--output is required", "sort", line), (2, "ADDR is required", "sort", "-o", out),
                (2, "--axis 1", "sort", line, "-o", out, "--axis", 1),
                (2, "--axis -2", "sort", line, "-o", out, "--axis", -2),
                (2, "one axis is needed", "sort", line, "-o", out, "--axis", "0,1"),
                (2, "axis numbers are needed", "sort", line, "-o", out, "--axis", "x"),
                (2, "0 axes", "sort", f"{self.file}:/number", "-o", out),
                (2, "name the same dataset", "sort", line, "-o", out, "--indices", out + ":/sorted"),
                (2, "would replace the input", "sort", line, "-o", self.file),
                (2, "would replace the input", "sort", line, "-o", out, "--indices", self.file),
                (2, "would replace the input", "unique", line, "-o", self.file),
                (2, "the same file", "sort", line, "-o", out, "--report", out),
                (2, "--picture has no use", "sort", line, "-o", out, "--picture", "p.png"),
                (2, "--picture has no use", "unique", line, "--picture", "p.png"),
                (2, "--limit", "unique", line, "--limit", -1),
                (3, "have no order", "sort", f"{self.file}:/z", "-o", out),
                (3, "have no order", "unique", f"{self.file}:/z"),
                (3, "words", "unique", f"{self.file}:/words"), (4, "nowhere", "sort", "nowhere.h5:/x", "-o", out),
                (4, "no/where", "sort", line, "-o", self.path("no/where.h5")),
                (4, "no/where", "unique", line, "-o", self.path("no/where.h5"))):
            for ranks in (0, 2):
                done = run(*arguments, ranks=ranks)
                self.assertEqual(done.returncode, code, f"{arguments} {done.stderr}")
                self.assertIn(part, done.stderr)
                self.assertEqual(done.stdout, "")
                self.assertFalse(os.path.exists(out))
        self.assertFalse([name for name in os.listdir(self.folder) if ".tmp." in name])


if __name__ == "__main__":
    main()
