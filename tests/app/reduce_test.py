"""`serried reduce` against NumPy."""

import json
import os

from support import CommandTest, main, need_oracles, run, run_json, without_seconds

need_oracles()
import h5py
import numpy as np


class Reduce(CommandTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        rng = np.random.default_rng(31)
        cls.data = {
            "f64": rng.normal(size=40011) * 3 + 1,
            "f32": rng.normal(size=40011).astype("f4"),
            "i32": rng.integers(-1000, 1000, 40011, dtype="i4"),
            "u8": rng.integers(0, 256, 40011, dtype="u1"),
            "big": rng.normal(size=40011).astype(">f8"),
            "big_i2": rng.integers(-9000, 9000, 40011).astype(">i2"),
            "flag": rng.integers(0, 2, 40011).astype(bool),
            "plane": rng.normal(size=(1203, 17)),
            "row": rng.normal(size=17),
            "column": rng.normal(size=(1203, 1)),
            "cube": rng.normal(size=(211, 5, 7)).astype("f4"),
            "wide": rng.normal(size=(3, 40, 50)),
            "short": np.array([1.5, -2.0, 4.0]),
            "number": np.float64(2.5),
            "empty": np.zeros(0),
            "no_rows": np.zeros((0, 4), "f4"),
            "whole": np.array([2**62, 2**62, 2**62, 5]),
        }
        holes = rng.normal(size=(400, 6))
        holes[rng.integers(0, 400, 50), rng.integers(0, 6, 50)] = np.nan
        holes[:, 5] = np.nan
        holes[3, 2] = np.inf
        cls.data["holes"] = holes
        z = rng.normal(size=(300, 4)) + 1j * rng.normal(size=(300, 4))
        cls.data.update({"c64": z.astype("c8"), "c128": z, "c128_big": z.astype(">c16")})
        cls.file = os.path.join(cls.folder, "run.h5")
        with h5py.File(cls.file, "w") as f:
            for name, values in cls.data.items():
                f[name] = values
            f.create_dataset("packed", data=cls.data["plane"], chunks=(100, 5), compression=4, shuffle=True)
            f["words"] = ["a", "b"]
            cls.data["full_names"] = z.astype("c8")
            f["full_names"] = z.astype("c8").view([("real", "f4"), ("imag", "f4")])
        for i in (1, 2, 10):
            with h5py.File(os.path.join(cls.folder, f"step_{i}.h5"), "w") as f:
                f["u"] = cls.data["plane"][:50] * i

    def operands(self, names):
        """x=f64 or f64: what a name stands for."""
        pairs = [(name.split("=", 1) + [name])[:2] for name in names]
        return [f"{name}={self.file}:/{dataset}" for name, dataset in pairs]

    def reduce(self, text, *names, ranks=3, options=()):
        return run_json("reduce", text, *self.operands(names), *options, ranks=ranks)

    def value(self, text, *names, **options):
        answer = self.reduce(text, *names, **options)
        self.assertEqual(list(answer["results"]), [text])
        found = np.asarray(answer["results"][text], dtype=object)
        self.assertEqual(list(found.shape), answer["shapes"][text])
        return answer["results"][text]

    def same(self, text, names, expected, rtol=1e-13, **options):
        found = np.array(self.value(text, *names, **options), dtype=float)
        self.assertEqual(found.shape, np.shape(expected), text)
        np.testing.assert_allclose(found, np.asarray(expected, dtype=float), rtol=rtol, atol=1e-13, err_msg=text)

    def test_several_expressions(self):
        x, u = self.data["f64"], self.data["big"]
        text = "mean(x^2), max(abs(x)), std(u - mean(u))"
        answer = self.reduce(text, "x=f64", "u=big")
        self.assertEqual(answer["verb"], "reduce")
        self.assertEqual(list(answer["results"]), ["mean(x^2)", "max(abs(x))", "std(u - mean(u))"])
        np.testing.assert_allclose(list(answer["results"].values()), [np.mean(x**2), np.max(abs(x)), np.std(u)],
                                   rtol=1e-13)
        self.assertEqual(answer["dtypes"], {key: "f64" for key in answer["results"]})
        self.assertEqual(answer["shapes"], {key: [] for key in answer["results"]})
        self.assertEqual(answer["nonfinite_count"], 0)
        self.assertEqual(set(answer["seconds"]), {"read", "compute", "total"})

    def test_every_dtype(self):
        expected_types = {"f64": "f64", "f32": "f32", "i32": "i64", "u8": "u64", "big": "f64", "big_i2": "i64"}
        for name, total in expected_types.items():
            with self.subTest(dtype=name):
                x = self.data[name]
                text = "sum(x), mean(x), min(x), max(x), var(x, ddof=1), argmax(x), count_nonzero(x > 1), ptp(x)"
                answer = self.reduce(text, f"x={name}")
                found = answer["results"]
                wide = x.astype(np.longdouble)
                rtol = 1e-6 if name == "f32" else 1e-13
                if x.dtype.kind == "f":
                    np.testing.assert_allclose(found["sum(x)"], float(wide.sum()), rtol=rtol)
                    self.assertEqual(found["min(x)"], float(x.min()))
                    self.assertEqual(found["max(x)"], float(x.max()))
                else:
                    self.assertEqual(found["sum(x)"], int(x.sum(dtype="i8")))
                    self.assertIsInstance(found["sum(x)"], int)
                    self.assertEqual(found["min(x)"], int(x.min()))
                    self.assertEqual(found["ptp(x)"], int(np.ptp(x)))
                np.testing.assert_allclose(found["mean(x)"], float(wide.mean()), rtol=rtol)
                np.testing.assert_allclose(found["var(x, ddof=1)"], float(wide.var(ddof=1)), rtol=rtol)
                self.assertEqual(found["argmax(x)"], int(x.argmax()))
                self.assertEqual(found["count_nonzero(x > 1)"], int((x > 1).sum()))
                self.assertEqual(answer["dtypes"]["sum(x)"], total)

    def test_logic(self):
        flag = self.data["flag"]
        answer = self.reduce("any(f), all(f), sum(f), mean(f)", "f=flag")["results"]
        self.assertEqual(answer["any(f)"], True)
        self.assertEqual(answer["all(f)"], False)
        self.assertEqual(answer["sum(f)"], int(flag.sum()))
        np.testing.assert_allclose(answer["mean(f)"], flag.mean(), rtol=1e-14)

    def test_axes(self):
        plane, cube = self.data["plane"], self.data["cube"].astype("f8")
        self.same("mean(x, axis=0)", ["x=plane"], plane.mean(0))
        self.same("mean(x, axis=1)", ["x=plane"], plane.mean(1))
        self.same("mean(x, axis=-1)", ["x=packed"], plane.mean(1))
        self.same("std(x, axis=0, ddof=1)", ["x=packed"], plane.std(0, ddof=1))
        self.same("sum(x, axis=0, keepdims=true)", ["x=plane"], plane.sum(0, keepdims=True))
        self.same("argmin(x, axis=1)", ["x=plane"], plane.argmin(1))
        for axis in (0, 1, 2, (0, 1), (0, 2), (1, 2)):
            self.same(f"max(x, axis={list(axis) if isinstance(axis, tuple) else axis})", ["x=cube"], cube.max(axis))
        self.same("mean(x, axis=(1, 2))", ["x=wide"], self.data["wide"].mean((1, 2)), ranks=4)

    def test_default_axes(self):
        plane, cube = self.data["plane"], self.data["cube"].astype("f8")
        # within the outermost reductions the axes are all, and those that are written stand
        self.same("std(x - mean(x))", ["x=plane"], plane.std(0), options=["--axis", 0])
        self.same("max(x) - min(x, axis=0)", ["x=plane"], plane.max(0) - plane.min(0), options=["--axis", "-2"])
        self.same("sum(where(x > mean(x), x, 0))", ["x=plane"], np.where(plane > plane.mean(), plane, 0).sum(1),
                  options=["--axis", 1])
        self.same("mean(x, where=x > mean(x))", ["x=plane"], plane.mean(0, where=plane > plane.mean()),
                  options=["--axis", 0])
        self.same("max(x)", ["x=cube"], cube.max((0, 2)), options=["--axis", "2,0"])
        self.same("quantile(x, 0.3)", ["x=plane"], np.quantile(plane, 0.3, axis=0), options=["--axis", 0])

    def test_quantiles(self):
        plane, u8, holes = self.data["plane"], self.data["u8"], self.data["holes"]
        for axis, text in ((None, ""), (0, ", axis=0"), (1, ", axis=1")):
            self.same(f"quantile(x, [0.1, 0.5, 0.99]{text})", ["x=plane"],
                      np.quantile(plane, [0.1, 0.5, 0.99], axis=axis))
            self.same(f"percentile(x, 30, hazen{text})", ["x=packed"],
                      np.percentile(plane, 30, axis=axis, method="hazen"))
            self.same(f"median(x{text})", ["x=packed"], np.median(plane, axis=axis))
        self.same("quantile(x, 0.3, method=lower)", ["x=u8"], np.quantile(u8, 0.3, method="lower"))
        self.assertEqual(self.reduce("quantile(x, 0.3, lower), median(x)", "x=u8")["dtypes"],
                         {"quantile(x, 0.3, lower)": "u8", "median(x)": "f64"})
        self.same("nanquantile(x, 0.25, axis=0)", ["x=holes[:,0:5]"], np.nanquantile(holes[:, :5], 0.25, axis=0))
        self.same("quantile(x, 0.25, where=x > 0)", ["x=plane"], np.quantile(plane[plane > 0], 0.25))
        # the same error as that of other reductions of nothing
        self.refused(3, ["nothing is left"], "quantile(x, 0.5, lower, where=x > 300)", "x=u8")
        self.refused(3, ["nothing is left"], "max(x, where=x > 300)", "x=u8")
        self.refused(2, ["there is no method 'nosuch'; there are inverted_cdf"], "quantile(x, 0.5, nosuch)", "x=u8")

    def test_index_is_that_of_its_own_expression(self):
        plane, row = self.data["plane"], self.data["row"]
        found = self.reduce("sum(x * index(0)), sum(r * index(0))", "x=plane", "r=row")["results"]
        expected = [(plane.T * np.arange(1203)).sum(), (row * np.arange(17)).sum()]
        np.testing.assert_allclose(list(found.values()), expected, rtol=1e-11)

    def test_few_rows_are_flattened(self):
        wide = self.data["wide"]
        text = ("sum(x), max(x, axis=2), mean(x, axis=(0, 1)), std(x - mean(x)), sum(x * index(2)), sum(x * index(0)), "
                "mean(x, axis=0), median(x), argmax(x), sum(x > mean(x, axis=(0, 1), keepdims=true))")
        found = self.reduce(text, "x=wide")["results"]
        expected = [wide.sum(), wide.max(2), wide.mean((0, 1)), wide.std(), (wide * np.arange(50)).sum(),
                    (wide * np.arange(3)[:, None, None]).sum(), wide.mean(0), np.median(wide), wide.argmax(),
                    (wide > wide.mean((0, 1), keepdims=True)).sum()]
        for (key, value), want in zip(found.items(), expected):
            np.testing.assert_allclose(np.array(value, float), want, rtol=1e-11, atol=1e-12, err_msg=key)
        # each for itself: the bits do not depend on the expressions beside it
        self.assertEqual(self.value("sum(x)", "x=wide"), found["sum(x)"])
        for ranks in (1, 2, 4):
            self.assertEqual(self.reduce(text, "x=wide", ranks=ranks)["results"], found)
        # all ranks have something to do
        path = self.path("snapshots.h5")
        with h5py.File(path, "w") as f:
            f["x"] = np.random.default_rng(5).normal(size=(3, 256, 256)).astype("f4")
        trace = self.path("snapshots.json")
        done = run("reduce", "mean(exp(x))", f"x={path}:/x", "--trace", trace, ranks=4)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(trace, encoding="utf-8") as f:
            busy = {event["pid"] for event in json.load(f)["traceEvents"] if event["name"] == "evaluate"}
        self.assertEqual(len(busy), 4)

    def test_broadcasting(self):
        plane, row, column = (self.data[name] for name in ("plane", "row", "column"))
        self.same("sum(x * r, axis=1)", ["x=plane", "r=row"], (plane * row).sum(1), rtol=1e-12)
        self.same("mean(x - c)", ["x=plane", "c=column"], (plane - column).mean(), rtol=1e-11)
        self.same("sum(c * r, axis=0)", ["c=column", "r=row"], (column * row).sum(0), rtol=1e-11)
        self.same("mean(x) * n", ["x=plane", "n=number"], plane.mean() * 2.5, rtol=1e-12)
        self.same("n + 1", ["n=number"], 3.5)
        self.same("short * 2", ["short"], self.data["short"] * 2)

    def test_two_variables(self):
        x, u = self.data["f64"], self.data["big"]
        self.same("corr(x, u)", ["x=f64", "u=big"], np.corrcoef(x, u)[0, 1], rtol=1e-11)
        self.same("cov(x, u)", ["x=f64", "u=big"], np.cov(x, u)[0, 1], rtol=1e-11)
        self.same("norm(x)", ["x=f64"], np.linalg.norm(x))
        self.same("mean(x, weights=abs(u))", ["x=f64", "u=big"], np.average(x, weights=abs(u)), rtol=1e-12)

    def test_complex_numbers(self):
        found = self.value("sum(exp(1j * x))", "x=f64")
        expected = np.exp(1j * self.data["f64"]).sum()
        np.testing.assert_allclose([found["re"], found["im"]], [expected.real, expected.imag], rtol=1e-11)
        for name in ("c64", "c128", "c128_big", "full_names"):
            found = self.value("sum(z * z)", f"z={name}")
            expected = (self.data[name].astype("c16") ** 2).sum()
            np.testing.assert_allclose([found["re"], found["im"]], [expected.real, expected.imag], rtol=1e-4)
        self.assertEqual(self.reduce("mean(z), mean(y)", "z=c64", "y=full_names")["dtypes"],
                         {"mean(z)": "c64", "mean(y)": "c64"})
        self.same("mean(abs(z))", ["z=c128"], abs(self.data["c128"]).mean(), rtol=1e-12)

    def test_nan_and_inf_are_null_and_counted(self):
        holes = self.data["holes"]
        text = "sum(x), nanmean(x, axis=0), max(x, axis=1), count(x, where=isfinite(x)), nanmax(x)"
        answer = self.reduce(text, "x=holes")
        found = answer["results"]
        self.assertIsNone(found["sum(x)"])
        with np.errstate(all="ignore"):
            means = np.nanmean(holes[:, :5], axis=0)
        expected = [None if not np.isfinite(v) else v for v in means] + [None]
        for a, b in zip(found["nanmean(x, axis=0)"], expected):
            self.assertEqual(a is None, b is None)
            if b is not None:
                self.assertAlmostEqual(a, b, delta=1e-13)
        self.assertEqual(found["max(x, axis=1)"], [None] * 400)  # the last column is NaN
        self.assertEqual(found["count(x, where=isfinite(x))"], int(np.isfinite(holes).sum()))
        self.assertIsNone(found["nanmax(x)"])  # infinity
        self.assertEqual(answer["nonfinite_count"], 1 + 2 + 400 + 1)

    def test_no_elements(self):
        answer = self.reduce("sum(x), mean(x), count(x), any(x)", "x=empty")
        self.assertEqual(answer["results"], {"sum(x)": 0, "mean(x)": None, "count(x)": 0, "any(x)": False})
        self.assertEqual(self.value("sum(x, axis=0)", "x=no_rows"), [0, 0, 0, 0])
        self.assertEqual(self.value("x", "x=empty"), [])
        self.refused(2, ["zero-size"], "max(x)", "x=empty")

    def test_series_and_selections(self):
        series = np.stack([self.data["plane"][:50] * i for i in (1, 2, 10)])
        found = run_json("reduce", "mean(u, axis=(1, 2)), max(u)", f"u={self.path('step_*.h5:/u')}", ranks=3)["results"]
        np.testing.assert_allclose(found["mean(u, axis=(1, 2))"], series.mean((1, 2)), rtol=1e-12, atol=1e-14)
        self.assertEqual(found["max(u)"], series.max())
        found = run_json("reduce", "sum(a - b)", f"a={self.file}:/plane[1:]", f"b={self.file}:/plane[:-1]", ranks=2)
        plane = self.data["plane"]
        np.testing.assert_allclose(found["results"]["sum(a - b)"], (plane[1:] - plane[:-1]).sum(), rtol=1e-11)

    def test_number_of_ranks_threads_and_memory_change_no_bit(self):
        text = ("mean(x^2), std(x - mean(x)), sum(sin(x)), corr(x, u), norm(x, 3), sum(p, axis=0), mean(p, axis=1), "
                "var(p * r, axis=0), max(p - c)")
        names = ["x=f64", "u=big", "p=packed", "r=row", "c=column"]
        first = None
        for ranks, options in ((1, []), (2, []), (3, []), (3, ["--threads", 2]), (7, []), (2, ["--io", "collective"]),
                               (1, ["--memory", "25M"])):
            answer = json.dumps(without_seconds(self.reduce(text, *names, ranks=ranks, options=options)))
            first = first or answer
            self.assertEqual(answer, first, (ranks, options))

    def test_one_read_for_all(self):
        done = run("reduce", "mean(x), max(x^2), std(x), sum(x, where=x > 0)", *self.operands(["x=f64"]), "--report", "-")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stderr, r"reads by expressions: +1\b")

    def test_text_for_people(self):
        done = run("reduce", "mean(x), argmax(x), mean(p, axis=0), mean(p, axis=1)", *self.operands(["x=f64", "p=plane"]),
                   ranks=2)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        lines = done.stdout.splitlines()
        self.assertRegex(lines[0], rf"^  mean\(x\) +{self.data['f64'].mean():.8g}\d*  f64$")
        self.assertRegex(lines[1], rf"^  argmax\(x\) +{self.data['f64'].argmax()}  i64$")
        self.assertRegex(lines[2], r"^  mean\(p, axis=0\)  \(17,\) f64$")
        self.assertTrue(lines[3].startswith("    ["))
        self.assertIn("...", done.stdout.split("mean(p, axis=1)")[1])
        self.assertLess(max(map(len, lines)), 101)
        self.assertTrue(lines[-1].startswith("  seconds: read "))

    def test_an_expression_with_a_minus_in_front(self):
        self.same("-mean(x)", ["x=f64"], -self.data["f64"].mean(), rtol=1e-12)
        self.same("-x", ["x=short"], -self.data["short"])
        self.assertEqual(run("reduce", "-h").returncode, 0)

    def test_report_and_trace(self):
        page, trace = self.path("page.html"), self.path("trace.json")
        done = run("reduce", "mean(x), mean(p, axis=0), mean(c, axis=0)",
                   *self.operands(["x=f64", "p=plane", "c=cube"]), "--report", page, "--trace", trace, ranks=3)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(page, encoding="utf-8") as f:
            text = f.read()
        for part in ("serried reduce", "mean(p, axis=0)", "run.h5:/cube", "211"):
            self.assertIn(part, text)
        self.assertGreaterEqual(text.count("<figure"), 2)
        with open(trace, encoding="utf-8") as f:
            names = {event["name"] for event in json.load(f)["traceEvents"]}
        self.assertIn("evaluate", names)

    def refused(self, code, parts, *arguments, ranks=3, names_only=True):
        text, *names = arguments
        operands = self.operands(names) if names_only else names
        for count in (0, ranks):
            done = run("reduce", text, *operands, ranks=count)
            self.assertEqual(done.returncode, code, f"{arguments}\n{done.stdout}{done.stderr}")
            self.assertEqual(done.stdout, "")
            self.assertEqual(len([line for line in done.stderr.splitlines() if line.startswith("serried: ")]), 1,
                             done.stderr)
            for part in parts:
                self.assertIn(part, done.stderr)

    def test_wrong_usage(self):
        self.refused(2, ["there is no 'speed'", "did you mean 'sped'", "The names are sped, x\n  mean(speed) + x\n       ^"],
                     "mean(speed) + x", "sped=f64", "x=f64")
        self.refused(2, ["'u' is given, but not used by mean(x)"], "mean(x)", "x=f64", "u=big")
        self.refused(2, ["'x' is given twice"], "mean(x)", "x=f64", "x=big")
        self.refused(2, ["NAME=ADDR"], "mean(x)", "run.h5", names_only=False)
        self.refused(2, ["'2x' is no name"], "mean(x)", "2x=run.h5", names_only=False)
        self.refused(2, ["did you mean 'mean'?\n  maen(x)\n  ^"], "maen(x)", "x=f64")
        self.refused(2, ["')' is missing", "mean(x\n"], "mean(x", "x=f64")
        self.refused(2, ["ends too early"], "mean(x),", "x=f64")
        self.refused(2, ["^"], "mean(x) $ 2", "x=f64")
        self.refused(2, ["axis 3 is out of bounds"], "mean(x, axis=3)", "x=plane")
        self.refused(2, ["(1203, 17)", "(40011,)"], "x + y", "x=plane", "y=f64")
        self.refused(2, ["OPERAND is required"], "mean(x)")
        done = run("reduce", "mean(x)", *self.operands(["x=f64"]), "--axis", "x")
        self.assertEqual(done.returncode, 2)
        self.assertIn("--axis x: axis numbers are needed", done.stderr)
        for text in ("x + 1", "mean(x, axis=0)"):
            done = run("reduce", text, *self.operands(["x=short"]), "--axis", "0")
            self.assertEqual(done.returncode, 2)
            self.assertIn("the default axes have no use", done.stderr)
        done = run("reduce", "mean(x)", *self.operands(["x=f64"]), "--picture", "p.png")
        self.assertEqual(done.returncode, 2)
        self.assertIn("--picture has no use with reduce", done.stderr)

    def test_too_many_numbers_are_for_eval(self):
        path = self.path("many.h5")
        with h5py.File(path, "w") as f:
            f["x"] = np.zeros(1000001, "u1")
        self.refused(2, ["serried eval", "(1000001,)", "1000000"], "x + 1", f"x={path}:/x", names_only=False)
        found = run_json("reduce", "x + 1", f"x={path}:/x[1:]")["results"]["x + 1"]
        self.assertEqual(found, [1] * 1000000)

    def test_bad_data(self):
        self.refused(3, ["words"], "mean(x)", "x=words")
        self.refused(3, ["sum"], "sum(x)", "x=whole")
        self.refused(3, ["no value"], "sum(i8(x))", "x=i32")
        self.refused(3, ["no value"], "sum(2 ** x)", "x=i32")

    def test_file_trouble(self):
        self.refused(4, ["nowhere.h5"], "mean(x)", "x=nowhere.h5:/x", names_only=False)
        self.refused(4, ["run.h5", "nothing"], "mean(x)", "x=nothing")
        done = run("reduce", "mean(x)", *self.operands(["x=f64"]), "--report", self.path("no/where.html"))
        self.assertEqual(done.returncode, 4)
        done = run("reduce", "mean(x)", *self.operands(["x=f64"]), "--report", self.file)
        self.assertEqual(done.returncode, 2)
        self.assertIn("would replace the input", done.stderr)

    def test_untrusted_files(self):
        answer = run_json("reduce", "mean(x)", *self.operands(["x=f64"]), "--untrusted=full", ranks=2)
        np.testing.assert_allclose(answer["results"]["mean(x)"], self.data["f64"].mean(), rtol=1e-12)


if __name__ == "__main__":
    main()
