"""`serried histogram` against NumPy."""

import json
import math
import os

from support import CommandTest, main, need_oracles, run, run_json, without_seconds

need_oracles()
import h5py
import numpy as np


class Histogram(CommandTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        rng = np.random.default_rng(32)
        u = rng.normal(size=(211, 190))
        cls.data = {
            "u": u,
            "v": 0.5 * u + rng.normal(size=u.shape),
            "f32": np.exp(rng.normal(size=40011)).astype("f4"),
            "i16": rng.integers(-300, 300, 40011, dtype="i2"),
            "big": rng.normal(size=40011).astype(">f8"),
            "flag": rng.integers(0, 2, 40011).astype(bool),
            "w": rng.normal(size=u.shape) * 10.0 ** rng.integers(-5, 5, u.shape),
            "grid": rng.integers(0, 11, u.shape) / 10,  # numbers on edges
            "number": np.float64(2.5),
            "empty": np.zeros(0),
            "infinite": np.array([1.0, np.inf]),
        }
        holes = rng.normal(size=40011)
        holes[rng.integers(0, 40011, 900)] = np.nan
        holes[5] = np.inf
        cls.data["holes"] = holes
        cls.file = os.path.join(cls.folder, "run.h5")
        with h5py.File(cls.file, "w") as f:
            for name, values in cls.data.items():
                f[name] = values
            f.create_dataset("packed", data=cls.data["u"], chunks=(50, 60), compression=4, shuffle=True)
            f["u"].attrs["long_name"], f["u"].attrs["units"] = "Velocity", "m/s"
            f["words"] = ["a", "b"]
            f["complex"] = np.array([1 + 2j, 3])
        for i in (1, 2):
            with h5py.File(os.path.join(cls.folder, f"step_{i}.h5"), "w") as f:
                f["u"] = u[:50] * i

    def address(self, name):
        return f"{self.file}:/{name}"

    def histogram(self, *names, options=(), ranks=3):
        return run_json("histogram", *map(self.address, names), *options, ranks=ranks)

    def check(self, names, options, bins, ranges=None):
        """Counts and edges of one dataset or two."""
        found = self.histogram(*names, options=options)
        xs = [self.data[name].ravel() for name in names]
        if len(xs) == 1:
            counts, edges = np.histogram(xs[0].astype("u1") if xs[0].dtype == bool else xs[0], bins, ranges)
            edges = [edges]
        else:
            counts, edges = np.histogramdd(xs, bins, ranges)
        self.assertEqual(found["counts"], counts.astype("i8").tolist())
        self.assertEqual(found["edges"], [np.asarray(e, "f8").tolist() for e in edges])
        self.assertEqual(found["outside"], int(xs[0].size - counts.sum()))
        self.assertEqual(found["bins"], list(counts.shape))
        self.assertIsNone(found["sums"])
        return found

    def test_one_dataset(self):
        found = self.check(["u"], [], 100)
        self.assertEqual(found["addresses"], [self.address("u")])
        self.assertEqual((found["verb"], found["dtype"], found["shape"], found["weights"]),
                         ("histogram", "f64", [211, 190], None))
        self.assertEqual(set(found["seconds"]), {"read", "compute", "total"})
        self.check(["f32"], ["--bins", 37], 37)
        self.check(["f32"], ["--bins", 1000, "--range", "0.5:3.25"], 1000, (0.5, 3.25))
        self.check(["i16"], ["--bins", 600], 600)
        self.check(["big"], ["--range", "-1:1.5"], 100, (-1, 1.5))
        self.check(["grid"], ["--bins", 10], 10)
        self.check(["grid"], ["--bins", 1], 1)
        self.check(["flag"], ["--bins", 2, "--range", "0:1"], 2, (0, 1))
        self.check(["number"], ["--bins", 3], 3)
        self.check(["empty"], ["--bins", 3], 3)
        self.check(["holes"], ["--bins", 50, "--range=-2:2"], 50, (-2, 2))

    def test_rules_for_the_number_of_bins(self):
        self.data.setdefault("packed", self.data["u"])
        for rule in ("auto", "fd", "doane", "scott", "rice", "sturges", "sqrt"):
            self.check(["u"], ["--bins", rule], rule)
        for names, options, ranges in ((["i16"], [], None), (["big"], ["--range", "-1:2.5"], (-1, 2.5)),
                                       (["empty"], [], None), (["number"], [], None),
                                       (["packed"], ["--memory", "64M"], None)):
            self.check(names, ["--bins", "auto", *options], "auto", ranges)
        texts = {json.dumps(without_seconds(self.histogram("u", options=["--bins", "fd"], ranks=ranks)))
                 for ranks in (1, 2, 4)}
        self.assertEqual(len(texts), 1)
        # NaN is left out, which NumPy refuses
        holes = self.data["holes"][np.isfinite(self.data["holes"])]
        found = self.histogram("holes", options=["--bins", "auto", "--range", "-3:3"])
        self.assertEqual(found["counts"], np.histogram(holes, "auto", (-3, 3))[0].tolist())
        for part, *arguments in (("a rule is for one dataset", self.address("u"), self.address("v"), "--bins", "auto"),
                                 ("a rule is for one dataset", self.address("u"), "--bins", "fd", "--log"),
                                 ("a rule is for one dataset", self.address("u"), "--bins", "fd", "--weights",
                                  self.address("w")),
                                 ("whole numbers of at least 1", self.address("u"), "--bins", "stone")):
            done = run("histogram", *arguments, ranks=2)
            self.assertEqual(done.returncode, 2)
            self.assertIn(part, done.stderr)

    def test_two_datasets(self):
        self.check(["u", "v"], [], 50)
        self.check(["u", "v"], ["--bins", "30,7"], (30, 7))
        self.check(["u", "grid"], ["--bins", 10, "--range", "-1:1,0:1"], 10, ((-1, 1), (0, 1)))
        self.check(["v", "u"], ["--bins", "3,200", "--range", "-2:2"], (3, 200), ((-2, 2), (-2, 2)))
        self.check(["f32", "i16"], ["--bins", 20], 20)

    def test_series_and_selections(self):
        series = np.concatenate([self.data["u"][:50] * i for i in (1, 2)]).ravel()
        found = run_json("histogram", self.path("step_*.h5:/u"), "--bins", 20, ranks=2)
        self.assertEqual(found["counts"], np.histogram(series, 20)[0].tolist())
        found = run_json("histogram", self.address("u[1:]"), self.address("u[:-1]"), "--bins", 20, ranks=2)
        expected = np.histogram2d(self.data["u"][1:].ravel(), self.data["u"][:-1].ravel(), 20)[0]
        self.assertEqual(found["counts"], expected.astype("i8").tolist())
        self.assertEqual(found["shape"], [210, 190])

    def test_logarithmic(self):
        x = self.data["f32"].astype("f8")
        found = self.histogram("f32", options=["--log", "--bins", 30, "--range", "0.1:10"])
        np.testing.assert_allclose(found["edges"][0], np.geomspace(0.1, 10, 31), rtol=1e-14)
        self.assertEqual(found["counts"], np.histogram(x, found["edges"][0])[0].tolist())
        found = self.histogram("u", options=["--log"])
        positive = self.data["u"][self.data["u"] > 0]
        self.assertEqual((found["edges"][0][0], found["edges"][0][-1]), (positive.min(), positive.max()))
        self.assertEqual(sum(found["counts"]), positive.size)
        self.assertEqual(found["outside"], self.data["u"].size - positive.size)
        pair = self.histogram("u", "v", options=["--log", "--bins", 9])
        both = (self.data["u"] > 0) & (self.data["v"] > 0)
        self.assertEqual(int(np.sum(pair["counts"])), int(both.sum()))

    def test_weights_outside_of_bins_do_not_count(self):
        """Fill values beside NaN, and what is not finite there."""
        rng = np.random.default_rng(3)
        a, b = rng.normal(size=4000), np.arange(4000.0)
        a[::10] = np.nan
        weights = {"ones": np.ones(4000), "tenths": np.full(4000, 0.1), "hole": rng.normal(size=4000)}
        weights["ones"][::10], weights["tenths"][::10], weights["hole"][::10] = 9.96920996838687e36, 1e30, np.nan
        path = self.path("fill.h5")
        with h5py.File(path, "w") as f:
            f["a"], f["b"] = a, b
            for name, values in weights.items():
                f[name] = values
        known = ~np.isnan(a)
        for name, values in weights.items():
            for ranks in (1, 3):
                for options in ([], ["--range=-9:9"], ["--bins", "3"], ["--log"]):
                    found = run_json("histogram", f"{path}:/a", "--weights", f"{path}:/{name}", *options, ranks=ranks)
                    expected = np.histogram(a[known], found["edges"][0], weights=values[known])[0]
                    np.testing.assert_allclose(found["sums"], expected, rtol=1e-12, err_msg=f"{name} {options}")
        found = run_json("histogram", f"{path}:/a", f"{path}:/b", "--weights", f"{path}:/ones", "--bins", "4,5", ranks=2)
        expected = np.histogram2d(a[known], b[known], (found["edges"][0], found["edges"][1]))[0]
        np.testing.assert_array_equal(found["sums"], expected)

    def test_weights(self):
        u, v, w = (self.data[name].ravel() for name in ("u", "v", "w"))
        found = self.histogram("u", options=["--weights", self.address("w"), "--bins", 40])
        edges = np.histogram(u, 40)[1]
        bins = np.minimum(np.searchsorted(edges, u, "right") - 1, 39)
        np.testing.assert_allclose(found["sums"], [math.fsum(w[bins == b]) for b in range(40)], rtol=1e-15)
        self.assertEqual((found["counts"], found["outside"], found["weights"]), (None, None, self.address("w")))
        found = self.histogram("u", "v", options=["--weights", self.address("w"), "--bins", "6,8"])
        expected = np.histogram2d(u, v, (6, 8), weights=w)[0]
        np.testing.assert_allclose(found["sums"], expected, rtol=1e-12, atol=1e-9)

    def test_number_of_ranks_threads_and_memory_change_no_bit(self):
        for arguments in (["packed", "v", "--weights", self.address("w")], ["holes", "--range", "-3:3"],
                          ["f32", "--log", "--bins", "1000"]):
            names = [word for word in arguments if word in self.data or word == "packed"]
            options = arguments[len(names):]
            first = None
            for ranks, more in ((1, []), (2, []), (3, ["--threads", 2]), (7, []), (2, ["--io", "collective"]),
                                (1, ["--memory", "40M"])):
                answer = json.dumps(without_seconds(self.histogram(*names, options=options + more, ranks=ranks)))
                first = first or answer
                self.assertEqual(answer, first, (arguments, ranks, more))

    def test_text_for_people(self):
        done = run("histogram", self.address("grid"), "--bins", 4, ranks=2)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        lines = done.stdout.splitlines()
        counts = np.histogram(self.data["grid"], 4)[0]
        self.assertEqual(lines[0], f"{self.address('grid')}  (211, 190) f64  4 bins from 0 to 1")
        self.assertRegex(lines[2], rf"^  0 +0.25 +{counts[0]}  #+")
        self.assertRegex(lines[5], rf"^  0.75 +1 +{counts[3]}  #+")
        done = run("histogram", self.address("u"), self.address("v"), "--range", "0:1", ranks=2)
        self.assertIn("elements lie outside, or are NaN", done.stdout)
        self.assertRegex(done.stdout, r"\d+ of 2500 bins are empty; the fullest has \d+: ")
        done = run("histogram", self.address("u"), "--weights", self.address("w"), "--bins", 5)
        self.assertIn("sum", done.stdout.splitlines()[2])

    def test_report_and_picture(self):
        import PIL.Image
        page, picture = self.path("page.html"), self.path("picture.png")
        for names, cells in ((["u"], None), (["u", "v"], (40, 30))):
            done = run("histogram", *map(self.address, names), "--bins", "40" if len(names) == 1 else "40,30",
                       "--report", page, "--picture", picture, ranks=2)
            self.assertEqual(done.returncode, 0, done.stderr)
            with open(page, encoding="utf-8") as f:
                text = f.read()
            for part in ("serried histogram", "run.h5:/u", "40 bins from", "Velocity (m/s)"):
                self.assertIn(part, text)
            with PIL.Image.open(picture) as image:
                text, pixels = dict(image.text), np.asarray(image.convert("RGB"))
            if not cells:
                continue
            x, y, width, height, columns, rows = map(int, text["Serried cells"].split())
            self.assertEqual((columns, rows), cells)
            # empty bins are grey, in the place that the counts say: the second dataset points upwards
            counts = np.histogram2d(self.data["u"].ravel(), self.data["v"].ravel(), cells)[0]
            for i, j in ((0, 0), (0, 29), (39, 0), (20, 15), (10, 8)):
                pixel = pixels[y + int((29 - j + 0.5) * height / 30), x + int((i + 0.5) * width / 40)].astype(int)
                self.assertEqual(max(pixel) - min(pixel) < 12, counts[i, j] == 0, (i, j, pixel))

    def refused(self, code, part, *arguments):
        for ranks in (0, 3):
            done = run("histogram", *arguments, ranks=ranks)
            self.assertEqual(done.returncode, code, f"{arguments}\n{done.stdout}{done.stderr}")
            self.assertEqual(done.stdout, "")
            self.assertIn(part, done.stderr)

    def test_what_is_refused(self):
        u, v = self.address("u"), self.address("v")
        self.refused(2, "ADDR is required")
        self.refused(2, "one dataset or two", u, v, u)
        self.refused(2, "--bins", u, "--bins", "0")
        self.refused(2, "--bins", u, "--bins", "3,4")
        self.refused(2, "4000000", u, v, "--bins", "3000")
        self.refused(2, "LO:HI", u, "--range", "1,2")
        self.refused(2, "must not exceed", u, "--range", "2:1")
        self.refused(2, "above 0", u, "--log", "--range", "-1:1")
        self.refused(2, "shape", u, self.address("f32"))
        self.refused(2, "(40011,)", u, "--weights", self.address("f32"))
        self.refused(3, "infinite", self.address("infinite"))
        self.refused(3, "finite", self.address("f32"), "--weights", self.address("holes"))
        self.refused(3, "words", self.address("words"))
        self.refused(3, "histograms need real numbers", self.address("complex"))
        self.refused(4, "nowhere", self.path("nowhere.h5:/u"))


if __name__ == "__main__":
    main()
