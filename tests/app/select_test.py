"""`serried slice` and `serried take` against NumPy."""

import os

from support import CommandTest, main, need_oracles, run, run_json

need_oracles()
import h5py
import numpy as np

SEED = int(os.environ.get("SERRIED_TEST_SEED", 1))


def index_of(text):
    """What NumPy makes of the text."""
    return eval(f"np.s_[{text}]", {"np": np})  # pylint: disable=eval-used


class Select(CommandTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        print(f"SERRIED_TEST_SEED={SEED}")
        cls.rng = np.random.default_rng(SEED)
        rng = cls.rng
        cls.data = {
            "line": rng.normal(size=20011),
            "plane": rng.normal(size=(301, 6)),
            "cube": rng.normal(size=(5, 70, 41)).astype("f4"),
            "packed": rng.integers(-99, 99, (40, 33, 9), dtype="i2"),
            "big": rng.integers(-9000, 9000, (700, 3)).astype(">i2"),
            "u1": rng.integers(0, 256, (40, 30), dtype="u1"),
            "flag": rng.integers(0, 2, 301).astype(bool),
            "z": rng.normal(size=(50, 4)) + 1j * rng.normal(size=(50, 4)),
            "f2": rng.normal(size=(30, 7)).astype("f2"),
            "u8": rng.integers(2**63, 2**63 + 9, 500, dtype="u8"),
            "one": np.array([3.5]),
            "empty": np.zeros((0, 3)),
            "number": np.array(2.5),
        }
        cls.file = os.path.join(cls.folder, "run.h5")
        with h5py.File(cls.file, "w") as f:
            for name, values in cls.data.items():
                options = {"chunks": (7, 10, 4), "compression": 1} if name == "packed" else {}
                f.create_dataset(name, data=values, **options)
            f["t"], f["x"] = np.arange(301) * 0.5, np.array([3, 1, 4, 15, 9, 2**60 + 1])
            f["t"].attrs["units"] = "s"
            for axis, name in enumerate(("t", "x")):
                f[name].make_scale(name)
                f["plane"].dims[axis].attach_scale(f[name])
            f["plane"].attrs.update({"units": "m/s", "long_name": "wind", "selection": "none yet", "scale": 3.0})
            f["words"] = ["a", "b"]
            f["places"] = np.array([[3, -1], [0, 3]], "i4")
            f["place"], f["no_places"], f["beyond"] = 2, np.zeros(0, "i8"), np.array([0, 301])
            f["halves"] = np.array([0.5, 1.5])
            f["many"] = rng.integers(-301, 301, 4001)
        cls.series = []
        for i in (1, 2, 10):
            cls.series.append(cls.data["plane"] * i)
            with h5py.File(os.path.join(cls.folder, f"step_{i}.h5"), "w") as f:
                f["u"] = cls.series[-1]
        cls.series = np.stack(cls.series)

    def select(self, verb, name, *words, ranks=2, options=()):
        """The array that was written, and the JSON."""
        address = name if ".h5:" in name else f"{self.file}:/{name}"
        path = self.path("part.h5")
        answer = run_json(verb, address, *words, "-o", path + ":/a/part", *options, ranks=ranks)
        with h5py.File(path) as f:
            found = f["a/part"][...]
        self.assertEqual((answer["path"], answer["object"]), (path, "/a/part"))
        self.assertEqual(answer["shape"], list(np.shape(found)))
        return found, answer

    def same(self, found, want, what):
        want = np.asarray(want)
        self.assertEqual(found.shape, want.shape, what)
        self.assertEqual(np.asarray(found).dtype, want.dtype.newbyteorder("="), what)
        np.testing.assert_array_equal(found, want, err_msg=str(what))

    def drawn_text(self, shape):
        """A selection, written in one of Python's ways."""
        rng = self.rng
        entries, place = [], 0
        wanted = int(rng.integers(1, len(shape) + 1))
        while place < wanted:
            extent = shape[place]
            place += 1
            if rng.random() < 0.2 and extent:
                entries.append(str(rng.integers(-extent, extent)))
                continue
            bound = lambda: "" if rng.random() < 0.35 else str(rng.integers(-extent - 2, extent + 3))
            entry = f"{bound()}:{bound()}"
            if rng.random() < 0.7:
                step = int(rng.integers(1, 5)) * int(rng.choice([1, -1]))
                entry += f":{step}"
            entries.append(entry)
        if rng.random() < 0.3:
            entries.insert(int(rng.integers(len(entries) + 1)), "...")
        return (" , " if rng.random() < 0.2 else ",").join(entries)

    def test_slices(self):
        names = [name for name, values in self.data.items() if values.ndim]
        for case in range(28):
            name = names[case % len(names)]
            x, ranks = self.data[name], 1 + case % 4
            # an ellipsis moves what stands behind it to the last axes
            text = self.drawn_text(x.shape if case < 14 else [min(x.shape)] * x.ndim)
            with self.subTest(name=name, text=text, ranks=ranks):
                words = f"[{text}]" if case % 3 else text
                try:
                    want = x[index_of(text)]
                except IndexError:
                    done = run("slice", f"{self.file}:/{name}", words, "-o", self.path("part.h5"), ranks=ranks)
                    self.assertEqual(done.returncode, 2, done.stderr)
                    continue
                found, answer = self.select("slice", name, words, ranks=ranks)
                self.same(found, want, (name, text, ranks))
                self.assertEqual(answer["selection"], f"[{text}]")
                self.assertEqual(answer["source_shape"], list(x.shape))

    def test_slices_of_everything(self):
        for name, text in (("line", "::-1"), ("line", "5"), ("line", "-7:3:-3"), ("cube", "...,-1"), ("cube", "2, ::-2"),
                           ("cube", "::-1,::-1,::-1"), ("packed", "::-1,3:30:4,::-1"), ("packed", ":,5"), ("u1", "-1,-1"),
                           ("empty", "::-1"), ("empty", ":,1"), ("one", "::-1"), ("number", "..."), ("plane", "9:3"),
                           ("f2", "::-1"), ("flag", "::-3"), ("z", "::-1, 1:"), ("u8", "::-1")):
            for ranks, options in ((1, ()), (3, ()), (2, ("--io", "collective")), (4, ("--threads", 2))):
                found, _ = self.select("slice", name, f"[{text}]", ranks=ranks, options=options)
                self.same(found, self.data[name][index_of(text)], (name, text, ranks))

    def test_selections_of_selections_and_of_series(self):
        plane, series = self.data["plane"], self.series
        self.same(self.select("slice", "plane[::-2,1:]", "[3:90:4,::-1]")[0], plane[::-2, 1:][3:90:4, ::-1], "both")
        steps = self.path("step_*.h5") + ":/u"
        for text in ("::-1", "1", "-1,::-3", "::2,5,:2", "..., 2"):
            self.same(self.select("slice", steps, text, ranks=3)[0], series[index_of(text)], text)
        self.same(self.select("slice", steps + "[::-1]", "0,::2")[0], series[:, ::-1][0, ::2], "of a series")
        # addresses of other verbs take them too
        answer = run_json("reduce", "sum(x * index(0))", f"x={self.file}:/line[::-1]", ranks=2)
        want = (self.data["line"][::-1] * np.arange(20011)).sum()
        self.assertAlmostEqual(list(answer["results"].values())[0] / want, 1, delta=1e-9)

    def test_what_stands_beside(self):
        path, page = self.path("beside.h5"), self.path("page.html")
        done = run("slice", f"{self.file}:/plane", "[200:10:-5, 1:]", "-o", path, "--report", page,
                   ranks=2)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("(38, 5)", done.stdout)
        with h5py.File(path) as f:
            part = f["slice"]
            np.testing.assert_array_equal(part.dims[0][0][...], (np.arange(301) * 0.5)[200:10:-5])
            np.testing.assert_array_equal(part.dims[1][0][...], [1, 4, 15, 9, 2**60 + 1])
            self.assertEqual(part.dims[0][0].attrs["units"], "s")
            self.assertEqual((part.attrs["units"], part.attrs["long_name"]), ("m/s", "wind"))
            self.assertNotEqual(part.attrs["selection"], "none yet")
            self.assertEqual(part.attrs["selection"], "[200:10:-5, 1:]")
            self.assertIn("slice ", f.attrs["command_line"])
        with open(page, encoding="utf-8") as f:
            self.assertIn("[200:10:-5, 1:]", f.read())
        run_json("slice", f"{self.file}:/plane", "7", "-o", path)
        with h5py.File(path) as f:
            self.assertEqual(len(f["slice"].dims), 1)
            np.testing.assert_array_equal(f["slice"].dims[0][0][...], [3, 1, 4, 15, 9, 2**60 + 1])
        run_json("take", f"{self.file}:/plane", "--indices", "5,0,5", "--axis", -1, "-o", path, ranks=2)
        with h5py.File(path) as f:
            np.testing.assert_array_equal(f["taken"].dims[0][0][...], np.arange(301) * 0.5)
            np.testing.assert_array_equal(f["taken"].dims[1][0][...], [2**60 + 1, 3, 2**60 + 1])
        run_json("take", f"{self.file}:/plane", f"{self.file}:/places", "-o", path, ranks=2)
        with h5py.File(path) as f:
            self.assertEqual([len(d) for d in f["taken"].dims], [0, 0, 1])
        run_json("take", f"{self.file}:/plane", "--where", "flag", f"flag={self.file}:/flag", "-o", path, ranks=2)
        with h5py.File(path) as f:
            np.testing.assert_array_equal(f["taken"].dims[0][0][...], (np.arange(301) * 0.5)[self.data["flag"]])

    def test_takes(self):
        for name, x in self.data.items():
            for axis in range(-1 if x.ndim else 0, x.ndim):
                extent = x.shape[axis]
                count = int(self.rng.choice([1, 4, 30]))
                indices = self.rng.integers(-extent, extent, count) if extent else None
                if indices is None:
                    continue
                ranks = 1 + (axis + count) % 4
                text = ",".join(map(str, indices))
                with self.subTest(name=name, axis=axis, indices=text, ranks=ranks):
                    found, answer = self.select("take", name, "--indices", text, "--axis", axis, ranks=ranks)
                    self.same(found, np.take(x, indices, axis), (name, text))
                    self.assertEqual(answer["selection"], f"{text} along axis {axis % x.ndim}")

    def test_takes_by_datasets(self):
        plane, cube = self.data["plane"], self.data["cube"]
        with h5py.File(self.file) as f:
            many, places = f["many"][...], f["places"][...]
        for ranks in (1, 3):
            self.same(self.select("take", "plane", f"{self.file}:/many", ranks=ranks)[0], plane[many], "many")
            self.same(self.select("take", "plane", f"{self.file}:/places", "--axis", 1, ranks=ranks)[0],
                      plane[:, places], "two dimensions")
            self.same(self.select("take", "cube", f"{self.file}:/places", ranks=ranks)[0], cube[places], "cube")
            self.same(self.select("take", "plane", f"{self.file}:/place", ranks=ranks)[0], plane[2], "a number")
            self.same(self.select("take", "plane", f"{self.file}:/place", "--axis", 1, ranks=ranks)[0], plane[:, 2],
                      "a number")
            self.same(self.select("take", "plane", f"{self.file}:/no_places", ranks=ranks)[0], plane[:0], "none")
        steps = self.path("step_*.h5") + ":/u"
        self.same(self.select("take", steps, "--indices", "2,0,2")[0], self.series[[2, 0, 2]], "a series")

    def test_takes_where(self):
        plane, cube, flag = (self.data[name] for name in ("plane", "cube", "flag"))
        other = f"flag={self.file}:/flag"
        for ranks in (1, 2, 4):
            self.same(self.select("take", "plane", "--where", "x > 0", ranks=ranks)[0], plane[plane > 0], "elements")
            self.same(self.select("take", "plane", "--where", "plane > 9", ranks=ranks)[0], plane[plane > 9], "nothing")
            self.same(self.select("take", "plane", other, "--where", "flag", ranks=ranks)[0], plane[flag], "rows")
            rows = self.select("take", "plane", other, "--where", "not flag and mean(x, axis=1) > 0", ranks=ranks)[0]
            self.same(rows, plane[~flag & (plane.mean(1) > 0)], "rows by a reduction")
            columns = plane.sum(0) > 0
            self.same(self.select("take", "plane", "--where", "sum(x, axis=0) > 0", "--axis", 1, ranks=ranks)[0],
                      plane[:, columns], "columns")
            self.same(self.select("take", "cube", "--where", "max(x, axis=2) > 2", ranks=ranks)[0],
                      cube[cube.max(2) > 2], "two axes")
            self.same(self.select("take", "u1", "--where", "x // 128", ranks=ranks)[0],
                      self.data["u1"][self.data["u1"] // 128 != 0], "numbers as truth")

    def test_number_of_ranks_changes_no_byte(self):
        for verb, words in (("slice", ["[::-3, ::-1]"]), ("take", [f"{self.file}:/many"]),
                            ("take", ["--where", "x > 0"])):
            contents = {self.select(verb, "plane", *words, ranks=ranks)[0].tobytes() for ranks in (1, 2, 3, 4)}
            self.assertEqual(len(contents), 1, words)

    def test_what_is_larger_than_memory_is_streamed(self):
        large = self.path("large.h5")
        with h5py.File(large, "w") as f:
            f.create_dataset("x", (50000000,), "f4", chunks=(1000000,), compression=1)  # 200 MB
            f["x"][7::10000] = 1
        out = self.path("streamed.h5")
        for ranks in (1, 3):
            answer = run_json("slice", f"{large}:/x", "[::-1]", "-o", out, "--memory", "64M", ranks=ranks)
            self.assertEqual(answer["shape"], [50000000])
            with h5py.File(out) as f:
                places = np.arange(50000000 - 1 - 49990007, 50000000, 10000)
                np.testing.assert_array_equal(np.flatnonzero(f["slice"][...]), places)
            os.remove(out)
            answer = run_json("take", f"{large}:/x", "--indices", "40000007,40000008,40000007", "-o", out, "--memory",
                              "90M", ranks=ranks)
            with h5py.File(out) as f:
                self.assertEqual(f["taken"][...].tolist(), [1, 0, 1])
            os.remove(out)
        done = run("take", f"{large}:/x", "--where", "x > 0", "-o", out, "--memory", "64M", ranks=2)
        self.assertEqual(done.returncode, 2)
        self.assertIn("needs at least", done.stderr)
        os.remove(large)

    def test_wrong_usage_data_and_files(self):
        plane, out = f"{self.file}:/plane", self.path("refused.h5")
        said_once = "is said once"
        for code, part, *arguments in (
                (2, "--output is required", "slice", plane, "::2"),
                (2, "SELECTION is required", "slice", plane, "-o", out),
                (2, "a step must not be 0", "slice", plane, "::0", "-o", out),
                (2, "index 301 lies outside axis 0", "slice", plane, "301", "-o", out),
                (2, "index -7 lies outside axis 1", "slice", plane, ":,-7", "-o", out),
                (2, "the selection has 3 entries", "slice", plane, "1,2,3", "-o", out),
                (2, "only one '...'", "slice", plane, "..., ...", "-o", out),
                (2, "is expected here", "slice", plane, "[x]", "-o", out),
                (2, "no dataset of the series", "slice", self.path("step_*.h5") + ":/u", "5:", "-o", out),
                (2, "would replace the input", "slice", plane, "1", "-o", self.file),
                (2, "--picture has no use", "slice", plane, "1", "-o", out, "--picture", "p.png"),
                (2, said_once, "take", plane, "-o", out), (2, said_once, "take", plane, plane, plane, "-o", out),
                (2, said_once, "take", plane, plane, "--indices", "1", "-o", out),
                (2, said_once, "take", plane, "--where", "x > 0", "--indices", "1", "-o", out),
                (2, "whole numbers are needed", "take", plane, "--indices", "1,x", "-o", out),
                (2, "index 301 is out of bounds for axis 0 with size 301", "take", plane, "--indices", "1,301", "-o",
                 out),
                (2, "index -7 is out of bounds for axis 1 with size 6", "take", plane, "--indices", "-7", "--axis", 1,
                 "-o", out),
                (2, "axis 2 is out of bounds", "take", plane, "--indices", "1", "--axis", 2, "-o", out),
                (2, "0 axes", "take", f"{self.file}:/number", "--indices", "0", "-o", out),
                (2, "boolean index did not match", "take", plane, "--where", "w > 0", f"w={self.file}:/line", "-o",
                 out),
                (2, "one axis", "take", plane, "--where", "x > 0", "--axis", 0, "-o", out),
                (2, "there is no 'w'", "take", plane, "--where", "w > 0", "-o", out),
                (2, "would replace the input", "take", plane, "--indices", "0", "-o", self.file),
                (3, "out of bounds for axis 0", "take", plane, f"{self.file}:/beyond", "-o", out),
                (3, "indices are integers, not f64", "take", plane, f"{self.file}:/halves", "-o", out),
                (3, "--where takes them", "take", plane, f"{self.file}:/flag", "-o", out),
                (3, "words", "slice", f"{self.file}:/words", "0", "-o", out),
                (4, "nowhere", "slice", "nowhere.h5:/x", "0", "-o", out),
                (4, "no/where", "slice", plane, "1", "-o", self.path("no/where.h5")),
                (4, "no/where", "take", plane, "--indices", "0", "-o", self.path("no/where.h5"))):
            for ranks in (0, 2):
                done = run(*arguments, ranks=ranks)
                self.assertEqual(done.returncode, code, f"{arguments} {done.stderr}")
                self.assertIn(part, done.stderr)
                self.assertEqual(done.stdout, "")
                self.assertFalse(os.path.exists(out))
        self.assertFalse([name for name in os.listdir(self.folder) if ".tmp." in name])


if __name__ == "__main__":
    main()
