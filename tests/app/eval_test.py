"""`serried eval` against NumPy, through the files that it writes."""

import json
import os

from support import CommandTest, data_file, main, need_oracles, run, run_json

need_oracles()
import h5py
import numpy as np


class Eval(CommandTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        rng = np.random.default_rng(32)
        cls.data = {
            "u": rng.normal(size=(1203, 17)),
            "v": rng.normal(size=(1203, 17)).astype("f4"),
            "big": rng.normal(size=(1203, 17)).astype(">f4"),
            "i": rng.integers(-1000, 1000, (1203, 17), dtype="i4"),
            "u8": rng.integers(0, 256, (1203, 17), dtype="u1"),
            "line": rng.normal(size=40011),
            "cube": rng.normal(size=(211, 5, 7)).astype("f4"),
            "row": rng.normal(size=17),
            "column": rng.normal(size=(1203, 1)),
            "number": np.float64(2.5),
            "empty": np.zeros((0, 4)),
        }
        cls.file = os.path.join(cls.folder, "run.h5")
        with h5py.File(cls.file, "w") as f:
            for name, values in cls.data.items():
                f[name] = values
            f["y"], f["x"] = np.arange(1203) * 0.5, np.arange(17.0)
            f["y"].attrs["units"] = np.bytes_("m")
            for axis, name in enumerate(("y", "x")):
                f[name].make_scale(name)
                f["u"].dims[axis].attach_scale(f[name])

    def operands(self, names):
        pairs = [(name.split("=") + [name])[:2] for name in names]
        return [f"{name}={self.file}:/{dataset}" for name, dataset in pairs]

    def eval(self, text, *names, ranks=3, options=(), name="out.h5"):
        """The array that was written, and the JSON."""
        path = self.path(name)
        answer = run_json("eval", text, *self.operands(names), "-o", path, *options, ranks=ranks)
        with h5py.File(path) as f:
            found = f[answer["object"]][...]
        self.assertEqual(answer["shape"], list(found.shape))
        return found, answer

    def same(self, text, names, expected, rtol=0.0, **options):
        found, answer = self.eval(text, *names, **options)
        self.assertEqual(found.dtype, expected.dtype, text)
        self.assertEqual(found.shape, expected.shape, text)
        if rtol == 0:
            np.testing.assert_array_equal(found, expected, err_msg=text)
        else:
            np.testing.assert_allclose(found, expected, rtol=rtol, atol=1e-14, err_msg=text)

    def test_elements(self):
        u, v, i, u8 = (self.data[name] for name in ("u", "v", "i", "u8"))
        self.same("u * 2 - v / 4", ["u", "v"], u * 2 - v / np.float32(4))
        self.same("sqrt(u^2 + w^2)", ["u", "w=big"], np.sqrt(u**2 + self.data["big"].astype("f4") ** 2), rtol=1e-15)
        self.same("v + 1", ["v"], v + np.float32(1))
        self.same("b + 1", ["b=big"], self.data["big"].astype("f4") + np.float32(1))
        self.same("i // 7 + i % 7", ["i"], i // 7 + i % 7)
        self.same("u8 + 250", ["u8"], u8 + np.uint8(250))  # wraps
        self.same("i * u8", ["i", "u8"], i * u8)
        self.same("where(u > 0, u, 0)", ["u"], np.where(u > 0, u, 0))
        self.same("(u > 0) & (v < 0)", ["u", "v"], (u > 0) & (v < 0))
        self.same("x + 1", ["x=line"], self.data["line"] + 1)
        self.same("c * 2", ["c=cube"], self.data["cube"] * np.float32(2))
        self.same("e + 1", ["e=empty"], self.data["empty"] + 1)
        self.same("n * 2", ["n=number"], np.float64(5.0) * np.ones(()))

    def test_broadcasting_and_reductions_within(self):
        u, row, column = (self.data[name] for name in ("u", "row", "column"))
        self.same("(u - mean(u, axis=0)) / std(u, axis=0)", ["u"], (u - u.mean(0)) / u.std(0), rtol=1e-9)
        self.same("u - mean(u, axis=1, keepdims=true)", ["u"], u - u.mean(1, keepdims=True), rtol=1e-9)
        self.same("u * r + c", ["u", "r=row", "c=column"], u * row + column)
        self.same("c * r", ["c=column", "r=row"], column * row)
        self.same("sum(u, axis=1)", ["u"], u.sum(1), rtol=1e-12)
        self.same("sum(u, axis=0)", ["u"], u.sum(0), rtol=1e-12)
        self.same("u * 0 + index(u, 1)", ["u"], u * 0 + np.arange(17))

    def test_coordinates(self):
        rng = np.random.default_rng(11)
        path = self.path("map.h5")
        x = rng.normal(size=(2, 64, 130)).astype("f4")
        lat, lon, time = np.linspace(-80, 80, 64), np.arange(130, dtype="i2"), np.array([2.5, 7], "f4")
        with h5py.File(path, "w") as f:
            f["x"] = x
            f["bare"] = x
            for axis, (name, values) in enumerate((("time", time), ("lat", lat), ("lon", lon))):
                f[name] = values
                f[name].make_scale(name)
                f["x"].dims[axis].attach_scale(f[name])
        operand = f"x={path}:/x"
        weights = np.cos(np.radians(lat))[:, None]
        for text, want in (("x * cos(radians(coord(x, lat)))", x * weights),
                           ("x + coord(x, 0) + coord(x, -1)", x + time[:, None, None] + lon),
                           ("coord(x, 'lon') - mean(coord(x, lon)) + 0 * x", lon - lon.mean() + 0 * x),
                           ("index(1) * 0 + coord(x, lat) * x", x * lat[:, None])):
            for ranks in (1, 3):
                run_json("eval", text, operand, "-o", self.path("coord.h5"), ranks=ranks)
                with h5py.File(self.path("coord.h5")) as f:
                    found = f["result"][...]
                np.testing.assert_allclose(found, want, rtol=1e-12, err_msg=text)
        answers = [run_json("reduce", "mean(x, weights=cos(radians(coord(x, lat))))", operand, ranks=ranks)["results"]
                   for ranks in (1, 2, 3)]
        self.assertEqual(answers[1:], answers[:1] * 2)
        mean = np.average(x.astype("f8"), weights=weights + np.zeros(x.shape))
        self.assertEqual(list(answers[0].values()), [float(np.float32(mean))])  # of f32 it is an f32
        for text, cause in (("x + coord(x, latitude)", "x has no coordinate variable 'latitude'; it has time, lat, lon"),
                            ("x + coord(x, 3)", "axis 3 is out of bounds for x of 3 dimensions"),
                            ("x + coord(x)", "',' is missing between the name and the axis"),
                            ("x + coord(x + 1, 0)", "',' is missing between the name and the axis"),
                            ("x + coord(2, 0)", "'coord' takes a name"),
                            ("x + coord(y, 0)", "there is no 'y'")):
            done = run("eval", text, operand, "-o", self.path("never.h5"), ranks=2)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(cause, done.stderr)
        done = run("eval", "x + coord(x, 0)", f"x={path}:/bare", "-o", self.path("never.h5"))
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("axis 0 of x has no coordinate variable; it has none", done.stderr)

    def test_complex_results(self):
        u, v = self.data["u"], self.data["v"]
        self.same("u * 1j + v", ["u", "v"], u * 1j + v)
        self.same("complex(v, 1)", ["v"], (v + 1j).astype("c8"))
        self.same("sum(u * 1j, axis=0)", ["u"], (u * 1j).sum(0), rtol=1e-11)
        found, _ = self.eval("exp(1j * u)", "u", name="z.h5")
        np.testing.assert_allclose(found, np.exp(1j * u), rtol=1e-14)
        with h5py.File(self.path("z.h5")) as f:
            self.assertEqual(f["result"].dtype, np.dtype("c16"))  # h5py's own convention
        answer = run_json("reduce", "sum(abs(z)), mean(z)", f"z={self.path('z.h5')}:/result", ranks=2)
        self.assertAlmostEqual(answer["results"]["sum(abs(z))"], u.size, delta=1e-8)
        self.assertEqual(answer["dtypes"]["mean(z)"], "c128")

    def test_few_rows_are_flattened(self):
        rng = np.random.default_rng(7)
        path = self.path("snapshots.h5")
        x, y = rng.normal(size=(3, 128, 256)), rng.normal(size=(128, 256)).astype("f4")
        with h5py.File(path, "w") as f:
            f["x"], f["y"], f["row"] = x, y, y[0]
            f.create_dataset("z", data=x, chunks=(1, 128, 256), compression=1)
        operands = [f"{name}={path}:/{name}" for name in ("x", "y", "row", "z")]
        out, trace = self.path("flat.h5"), self.path("flat.json")
        for text, names, want in (("x * 2 - z", "xz", x), ("x + row", ["x", "row"], x + y[0]), ("x + y", "xy", x + y),
                                  ("x - mean(x, axis=(0, 1))", "x", x - x.mean((0, 1))),
                                  ("x - mean(x, axis=0)", "x", x - x.mean(0)), ("max(x, axis=2)", "x", x.max(2)),
                                  ("x * index(2)", "x", x * np.arange(256)), ("z * index(0)", "z", x.T * np.arange(3)),
                                  ("x - mean(x, axis=2, keepdims=true)", "x", x - x.mean(2, keepdims=True))):
            want = want if text[0] != "z" else want.T
            used = [each for each in operands if each.split("=")[0] in names]
            contents = set()
            for ranks in (1, 4):
                done = run("eval", text, *used, "-o", out, "--trace", trace, ranks=ranks)
                self.assertEqual(done.returncode, 0, done.stderr)
                with h5py.File(out) as f:
                    found = f["result"][...]
                np.testing.assert_allclose(found, want, rtol=1e-12, atol=1e-12, err_msg=text)
                contents.add(found.tobytes())
            self.assertEqual(len(contents), 1, text)
            if text in ("x * 2 - z", "x + row"):
                with open(trace, encoding="utf-8") as f:
                    busy = {event["pid"] for event in json.load(f)["traceEvents"] if event["name"] == "evaluate"}
                self.assertEqual(len(busy), 4)

    def test_dtypes(self):
        u, i = self.data["u"], self.data["i"]
        self.same("u", ["u"], u.astype("f4"), options=["--dtype", "f32"])
        self.same("u * 100", ["u"], (u * 100).astype("i4"), options=["--dtype", "i32"])
        self.same("i", ["i"], i.astype("f8"), options=["--dtype", "float64"])
        self.same("u > 0", ["u"], (u > 0).astype("u1"), options=["--dtype", "u8"])

    def test_what_stands_beside_the_array(self):
        path = self.path("beside.h5")
        done = run("eval", " sqrt(abs(u)) ", *self.operands(["u"]), "-o", path + ":/deep/root", ranks=2)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("deep/root  (1203, 17) f64", done.stdout)
        with h5py.File(path) as f:
            data = f["deep/root"]
            self.assertEqual(data.attrs["expression"], "sqrt(abs(u))")
            self.assertTrue(data.attrs["operand u"].endswith("run.h5:/u"))
            self.assertIn("eval ' sqrt(abs(u)) '", f.attrs["command_line"])
            np.testing.assert_array_equal(data.dims[0][0][...], np.arange(1203) * 0.5)
            np.testing.assert_array_equal(data.dims[1][0][...], np.arange(17.0))
            units = data.dims[0][0].attrs["units"]
            self.assertEqual(units.decode() if isinstance(units, bytes) else units, "m")
        # another shape has other axes
        _, answer = self.eval("sum(u, axis=1)", "u", name="beside2.h5")
        with h5py.File(self.path("beside2.h5")) as f:
            self.assertEqual(answer["object"], "/result")
            self.assertEqual(len(f["result"].dims[0]), 0)

    def test_several_expressions(self):
        u, v, i = (self.data[name] for name in ("u", "v", "i"))
        speed, angle = np.sqrt(u**2 + v**2), np.arctan2(v, u)
        one, two, trace = self.path("one.h5"), self.path("two.h5"), self.path("reads.json")
        contents = set()
        for ranks in (1, 2, 3, 4):
            answer = run_json("eval", "speed = sqrt(u^2 + v^2), angle = arctan2(v, u), n = i > 0, again = speed, "
                              "mean_speed = mean(speed, axis=0)", *self.operands(["u", "v", "i"]), "-o", one + ":/polar",
                              ranks=ranks)
            self.assertEqual([r["object"] for r in answer["results"]],
                             ["/polar/speed", "/polar/angle", "/polar/n", "/polar/again", "/polar/mean_speed"])
            self.assertEqual(answer["results"][1]["expression"], "arctan2(v, u)")
            with h5py.File(one) as f:
                g = f["polar"]
                np.testing.assert_allclose(g["speed"][...], speed, rtol=1e-15)
                np.testing.assert_allclose(g["angle"][...], angle, rtol=1e-15)
                np.testing.assert_allclose(g["mean_speed"][...], speed.mean(0), rtol=1e-13)
                np.testing.assert_array_equal(g["n"][...], i > 0)
                self.assertEqual(g["again"][...].tobytes(), g["speed"][...].tobytes())
                self.assertEqual(g["angle"].attrs["expression"], "arctan2(v, u)")
                np.testing.assert_array_equal(g["angle"].dims[0][0][...], np.arange(1203) * 0.5)
                contents.add(b"".join(g[name][...].tobytes() for name in sorted(g)))
        self.assertEqual(len(contents), 1)
        # files of their own, and the bits of runs of their own
        done = run("eval", "u * v, i + 1", *self.operands(["u", "v", "i"]), "-o", one, "-o", two + ":/deep/i",
                   "--trace", trace, "--report", self.path("several.html"), "--picture", self.path("several.png"), ranks=2)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        with h5py.File(one) as f, h5py.File(two) as g:
            np.testing.assert_array_equal(f["result"][...], u * v)
            np.testing.assert_array_equal(g["deep/i"][...], i + 1)
            self.assertIn("eval ", g.attrs["command_line"])
        with open(self.path("several.html"), encoding="utf-8") as f:
            self.assertEqual(f.read().count("<figure"), 2)
        answer = run_json("eval", "speed = abs(u)", *self.operands(["u"]), "-o", one)
        self.assertEqual((answer["object"], answer["expression"]), ("/speed", "abs(u)"))

    def test_several_expressions_share_a_read(self):
        large, out = self.path("shared.h5"), self.path("shared_out.h5")
        with h5py.File(large, "w") as f:
            f.create_dataset("x", (20000000,), "f4", chunks=(1000000,), compression=1)
            f["x"][::1000] = 3
        reads = {}
        for text in ("a = x + 1", "a = x + 1, b = x * 2, c = b - a"):
            for ranks in (1, 2):
                trace = self.path("trace.json")
                done = run("eval", text, f"x={large}:/x", "-o", out, "--memory", "64M", "--trace", trace, ranks=ranks)
                self.assertEqual(done.returncode, 0, done.stderr)
                with open(trace, encoding="utf-8") as f:
                    events = json.load(f)["traceEvents"]
                reads[text, ranks] = sum(event.get("args", {}).get("bytes", 0) for event in events
                                         if event["name"] == "read")
                with h5py.File(out) as f:
                    x = np.zeros(20000000, "f4")
                    x[::1000] = 3
                    np.testing.assert_array_equal(f["a"][...], x + 1)
                    if "c" in text:
                        np.testing.assert_array_equal(f["b"][...], x * 2)
                        np.testing.assert_array_equal(f["c"][...], x * 2 - (x + 1))
        self.assertGreaterEqual(reads["a = x + 1", 1], 80000000)
        for ranks in (1, 2):
            self.assertLess(reads["a = x + 1, b = x * 2, c = b - a", ranks], 1.3 * reads["a = x + 1", ranks])
        os.remove(large)

    def test_number_of_ranks_changes_no_bit(self):
        text = "sin(u) * v + (u - mean(u, axis=0)) / std(v) + p * r"
        names = ["u", "v", "p=column", "r=row"]
        first, _ = self.eval(text, *names, ranks=1)
        for ranks, options in ((2, []), (3, []), (3, ["--threads", 2]), (7, []), (2, ["--io", "collective"]),
                               (1, ["--memory", "24M"])):
            found, _ = self.eval(text, *names, ranks=ranks, options=options)
            self.assertEqual(found.tobytes(), first.tobytes(), (ranks, options))

    def test_pictures(self):
        picture, page = self.path("p.png"), self.path("page.html")
        files = []
        for ranks in (1, 3):
            done = run("eval", "u * v", *self.operands(["u", "v"]), "-o", self.path("p.h5"), "--picture", picture,
                       "--report", page, ranks=ranks)
            self.assertEqual(done.returncode, 0, done.stderr)
            with open(picture, "rb") as f:
                files.append(f.read())
        self.assertEqual(files[0][:8], b"\x89PNG\r\n\x1a\n")
        self.assertEqual(files[0], files[1])
        with open(page, encoding="utf-8") as f:
            text = f.read()
        for part in ("serried eval", "u * v", "run.h5:/v", "<figure", "y (m)"):
            self.assertIn(part, text)
        done = run("eval", "mean(u)", *self.operands(["u"]), "-o", self.path("p.h5"), "--picture", picture)
        self.assertEqual(done.returncode, 2)
        self.assertIn("no picture", done.stderr)

    def test_real_file(self):
        file = data_file("climate/sst.mnmean.nc")
        path = self.path("anomaly.h5")
        done = run("eval", "t - nanmean(t, axis=0)", f"t={file}:/sst", "-o", path + ":/anomaly", ranks=2)
        self.assertEqual(done.returncode, 0, done.stderr)
        found = run_json("reduce", "nanmax(abs(nanmean(a, axis=0)))", f"a={path}:/anomaly")["results"]
        self.assertLess(list(found.values())[0], 1e-3)

    def refused(self, code, parts, text, *arguments, ranks=3):
        out = self.path("refused.h5")
        for count in (0, ranks):
            done = run("eval", text, *arguments, ranks=count)
            self.assertEqual(done.returncode, code, f"{arguments}\n{done.stdout}{done.stderr}")
            self.assertEqual(done.stdout, "")
            self.assertEqual(len([line for line in done.stderr.splitlines() if line.startswith("serried: ")]), 1,
                             done.stderr)
            for part in parts:
                self.assertIn(part, done.stderr)
            self.assertFalse(os.path.exists(out))
        self.assertFalse([name for name in os.listdir(self.folder) if ".tmp." in name])

    def test_wrong_usage(self):
        u, out = self.operands(["u"])[0], self.path("refused.h5")
        self.refused(2, ["--output is required"], "u", u)
        self.refused(2, ["needs a name for its dataset", "an -o of its own"], "u, u", u, "-o", out)
        self.refused(2, ["there are 2 expressions, but 3 outputs"], "u, u", u, "-o", out, "-o", out, "-o", out)
        self.refused(2, ["go to the same dataset", ":/result"], "u, 2 * u", u, "-o", out, "-o", out)
        self.refused(2, ["go to the same dataset", ":/a"], "a = u, b = 2 * u", u, "-o", out + ":/a", "-o", out + ":/a")
        self.refused(2, ["the name 'a' is given twice"], "a = u, a = 2 * u", u, "-o", out)
        self.refused(2, ["the name 'u' is given twice"], "u = 2 * u", u, "-o", out)
        self.refused(2, ["there is no 'b'"], "a = b + u, b = 2 * u", u, "-o", out)
        self.refused(2, ["are the same file"], "u, 2 * u", u, "-o", out, "-o",
                     os.path.join(self.folder, ".", "refused.h5"))
        self.refused(2, ["would replace the input"], "u, 2 * u", u, "-o", out, "-o", self.file)
        self.refused(2, ["there is no 'w'; the names are u", "^"], "u + w", u, "-o", out)
        self.refused(2, ["no wildcard"], "u", u, "-o", self.path("r*.h5"))
        self.refused(2, ["a dataset name is needed", ":/result"], "u", u, "-o", out + ":/")
        self.refused(2, ["dtype"], "u", u, "-o", out, "--dtype", "float33")
        self.refused(2, ["would replace the input"], "u", u, "-o", self.file)
        self.refused(2, ["the same file"], "u", u, "-o", out, "--report", out)

    def test_bad_data_and_file_trouble(self):
        u, out = self.operands(["u"])[0], self.path("refused.h5")
        self.refused(3, ["has no value"], "log(u)", u, "-o", out, "--dtype", "i32")
        self.refused(3, ["has no value"], "u * 1e9", u, "-o", out, "--dtype", "i16")
        self.refused(4, ["no/where"], "u", u, "-o", self.path("no/where.h5"))
        self.refused(4, ["nowhere.h5"], "u", "u=nowhere.h5:/u", "-o", out)

    def test_what_is_larger_than_memory_is_streamed(self):
        large = self.path("large.h5")
        with h5py.File(large, "w") as f:
            f.create_dataset("x", (50000000,), "f4", chunks=(1000000,), compression=1)  # 200 MB of zeros
            f["c"] = np.zeros((2, 1), "f4")
        out = self.path("streamed.h5")
        for ranks in (1, 3):
            answer = run_json("eval", "x * 2 + 1", f"x={large}:/x", "-o", out, "--memory", "64M", ranks=ranks)
            self.assertEqual(answer["shape"], [50000000])
            with h5py.File(out) as f:
                self.assertEqual((f["result"][0], f["result"][-1]), (1, 1))
                self.assertTrue((f["result"][::1000] == 1).all())
            os.remove(out)
        # rows along the second axis are not those of a file
        self.refused(2, ["needs at least", "this array, which is made in memory"], "x + c", f"x={large}:/x",
                     f"c={large}:/c", "-o", self.path("refused.h5"), "--memory", "100M")
        found = run_json("reduce", "sum(x + 1)", f"x={large}:/x", "--memory", "100M")["results"]
        self.assertEqual(found, {"sum(x + 1)": 50000000})
        os.remove(large)


if __name__ == "__main__":
    main()
