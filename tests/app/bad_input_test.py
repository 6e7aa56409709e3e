"""Bad input: one clear message from Serried, once, the right exit code, on any number of ranks, no output left."""

import os
import shutil
import stat
import subprocess

from support import MPIEXEC, NUMPROC_FLAG, QUICK, SERRIED, CommandTest, main, need_oracles, run

need_oracles()
import h5py
import numpy as np


def spoil_centers(model):
    model["centers"][0, 0] = np.nan


def spoil_dtype(model):
    model.attrs["dtype"] = "xyz"


def spoil_shape(model):
    model["centers"].attrs["feature_shape"] = np.array([-2])


BROKEN_MODELS = {"nan_model.h5": spoil_centers, "dtype_model.h5": spoil_dtype, "shape_model.h5": spoil_shape}


class BadInput(CommandTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        rng = np.random.default_rng(1)
        with h5py.File(os.path.join(cls.folder, "run.h5"), "w") as f:
            data = rng.normal(size=(2000, 3))
            f["fields/u"] = data
            f["fields/v"] = data[:, :2]
            f["few"] = data[:3]
            f["nothing"] = np.zeros((0, 3))
            f["names"] = np.array(["a", "b"], dtype=h5py.string_dtype())
            f["fixed_names"] = np.array([b"abc", b"de"])
            f["pairs"] = np.zeros(3, dtype=[("x", "f8"), ("y", "i4")])
            bad = data.copy()
            bad[1203, 1] = np.nan
            bad[1500, 2] = np.inf
            bad[1999, 0] = np.nan
            f["holes"] = bad
            f["centers"] = data[:4]
            f["nan_centers"] = np.full((2, 3), np.nan)
            f["flat_centers"] = data[:4, :2]
            f["weights/good"] = np.ones(2000)
            f["weights/short"] = np.ones(1999)
            f["weights/turned"] = np.ones((3, 2000))
            f["no_centers"] = np.zeros((0, 3))
            f["no_features"] = np.zeros((5, 0))
            negative = np.ones(2000)
            negative[7] = -1
            f["weights/negative"] = negative
            f["weights/none"] = np.zeros(2000)
            infinite = np.ones(2000)
            infinite[9] = np.inf
            f["weights/infinite"] = infinite
            f.create_dataset("packed", data=np.arange(200000.0), chunks=(1000,), compression=4)
        with open(os.path.join(cls.folder, "run.h5"), "rb") as f:
            content = f.read()
        with open(os.path.join(cls.folder, "cut.h5"), "wb") as f:
            f.write(content[: len(content) // 2])
        damaged = bytearray(content)
        with h5py.File(os.path.join(cls.folder, "run.h5")) as f:
            chunk = f["packed"].id.get_chunk_info(100)
        damaged[chunk.byte_offset + 10 : chunk.byte_offset + 40] = b"\xff" * 30
        with open(os.path.join(cls.folder, "damaged.h5"), "wb") as f:
            f.write(damaged)
        with open(os.path.join(cls.folder, "text.h5"), "w") as f:
            f.write("no HDF5\n" * 1000)
        open(os.path.join(cls.folder, "empty.h5"), "w").close()
        os.mkdir(os.path.join(cls.folder, "sub"))
        done = run("kmeans", os.path.join(cls.folder, "run.h5:/fields/u"), "--clusters", 2, "--model",
                   os.path.join(cls.folder, "model.h5"))
        assert done.returncode == 0, done.stderr
        for name, change in BROKEN_MODELS.items():
            shutil.copy(os.path.join(cls.folder, "model.h5"), os.path.join(cls.folder, name))
            with h5py.File(os.path.join(cls.folder, name), "r+") as f:
                change(f)

    def refused(self, code, parts, *arguments):
        """Runs in the folder directly and on 3 ranks, and finds the same one message."""
        before = {name: os.stat(self.path(name)).st_mtime_ns for name in os.listdir(self.folder)}
        for ranks in (0, 3):
            with self.subTest(arguments=arguments, ranks=ranks):
                done = run(*arguments, ranks=ranks, cwd=self.folder)
                self.assertEqual(done.returncode, code, done.stdout + done.stderr)
                self.assertEqual(done.stdout, "")
                self.assertEqual(done.stderr.count("serried: "), 1, done.stderr)
                for part in parts:
                    self.assertIn(part, done.stderr)
                self.assertNotIn("HDF5-DIAG", done.stderr)
                after = {name: os.stat(self.path(name)).st_mtime_ns for name in os.listdir(self.folder)}
                self.assertEqual(after, before, "no output may be left, no input may be changed")

    def each_verb(self, code, parts, address):
        self.refused(code, parts, "stats", address)
        self.refused(code, parts, "kmeans", address, "--clusters", 2, "--labels", "out.h5", "--model", "m.h5")
        self.refused(code, parts, "predict", "model.h5", address, "--labels", "out.h5")

    def test_missing_file(self):
        self.each_verb(4, ["nowhere.h5"], "nowhere.h5:/u")
        self.refused(4, ["nowhere.h5"], "info", "nowhere.h5")
        self.refused(4, ["nowhere.h5"], "predict", "nowhere.h5", "run.h5:/fields/u")
        self.refused(4, ["nowhere"], "stats", "nowhere_*.h5:/u")

    def test_missing_dataset(self):
        self.each_verb(4, ["/fields/w", "/fields/u", "/fields/v"], "run.h5:/fields/w")

    def test_strings_and_compounds(self):
        self.each_verb(3, ["/names", "string"], "run.h5:/names")
        self.refused(3, ["/fixed_names", "string"], "stats", "run.h5:/fixed_names")
        self.refused(3, ["/pairs", "compound"], "stats", "run.h5:/pairs")

    def test_nan_in_kmeans(self):
        # Three rows hold a NaN or Inf; the first of them is row 1203.
        self.refused(3, ["3", "1203"], "kmeans", "run.h5:/holes", "--clusters", 2, "--labels", "out.h5")
        self.refused(3, ["3", "1203"], "predict", "model.h5", "run.h5:/holes", "--labels", "out.h5")

    def test_more_clusters_than_rows(self):
        self.refused(3, ["5", "3"], "kmeans", "run.h5:/few", "--clusters", 5, "--labels", "out.h5")
        self.refused(3, ["0"], "kmeans", "run.h5:/nothing", "--clusters", 1, "--labels", "out.h5")

    def test_truncated_file(self):
        self.each_verb(4, ["cut.h5"], "cut.h5:/fields/u")
        self.refused(4, ["cut.h5"], "info", "cut.h5")

    def test_damaged_chunk(self):
        self.refused(4, ["damaged.h5"], "stats", "damaged.h5:/packed")
        self.refused(4, ["damaged.h5"], "kmeans", "damaged.h5:/packed", "--clusters", 2, "--labels", "out.h5")

    def test_no_hdf5(self):
        for name in ("text.h5", "empty.h5", "sub"):
            self.refused(4, [name], "stats", name + ":/u")
            self.refused(4, [name], "info", name)
        self.refused(4, ["text.h5"], "predict", "text.h5", "run.h5:/fields/u")

    def test_folder_that_is_not_there(self):
        kmeans = ["kmeans", "run.h5:/fields/u", "--clusters", 2]
        self.refused(4, ["there/is"], *kmeans, "--labels", "there/is/out.h5")
        self.refused(4, ["there/is"], *kmeans, "--model", "there/is/out.h5")
        self.refused(4, ["there/is"], *kmeans, "--labels", "out.h5", "--model", "there/is/m.h5")
        self.refused(4, ["there/is"], "predict", "model.h5", "run.h5:/fields/u", "--labels", "there/is/out.h5")
        self.refused(4, ["sub"], *kmeans, "--labels", "sub")

    def on_small_disk(self, kibibytes, ranks, *arguments):
        """Runs where ./small has that much room; (exit code, standard error, files left there)."""
        script = ('mount -t tmpfs -o size="$1"k tmpfs small || exit 77; shift; "$@"; code=$?; ls -A small; exit $code')
        launcher = [MPIEXEC, NUMPROC_FLAG, str(ranks), SERRIED]
        os.makedirs(self.path("small"), exist_ok=True)
        try:
            done = subprocess.run(["unshare", "--mount", "sh", "-c", script, "sh", str(kibibytes)] + launcher +
                                  [str(a) for a in arguments], capture_output=True, text=True, timeout=60,
                                  cwd=self.folder, stdin=subprocess.DEVNULL, env={**os.environ, **QUICK})
        finally:
            os.rmdir(self.path("small"))
        if done.returncode == 77 or "unshare" in done.stderr:
            self.skipTest("no file system can be mounted here")
        return done.returncode, done.stderr, done.stdout

    def test_full_disk(self):
        for ranks in (1, 3):
            for kibibytes in (8, 64):
                with self.subTest(ranks=ranks, kibibytes=kibibytes):
                    code, error, left = self.on_small_disk(
                        kibibytes, ranks, "kmeans", "run.h5:/packed", "--clusters", 2, "--max-iterations", 1,
                        "--labels", "small/l.h5", "--quiet")
                    self.assertEqual(code, 4, error)
                    self.assertEqual(error.count("serried: "), 1, error)
                    self.assertIn("no space left", error)
                    self.assertNotIn("l.h5", left)

    def test_folder_that_not_all_ranks_see(self):
        for name in ("here", "there"):
            os.makedirs(self.path(name), exist_ok=True)
        one = [SERRIED, "kmeans", self.path("run.h5:/fields/u"), "--clusters", "2", "--labels", "l.h5", "--quiet"]
        launcher = [MPIEXEC, NUMPROC_FLAG, "1", "-wdir"]
        done = subprocess.run(launcher + [self.path("here")] + one + [":"] + launcher[1:] + [self.path("there")] + one,
                              capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, 4, done.stderr)
        self.assertEqual(done.stderr.count("serried: "), 1, done.stderr)
        self.assertIn("the folder must be one that all ranks see", done.stderr)
        for name in ("here", "there"):
            self.assertEqual(os.listdir(self.path(name)), [])
            os.rmdir(self.path(name))

    def test_long_paths(self):
        name = 230 * "n"
        done = run("kmeans", "run.h5:/fields/u", "--clusters", 2, "--labels", name, "--quiet", ranks=2, cwd=self.folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        os.unlink(self.path(name))
        kmeans = ["kmeans", "run.h5:/fields/u", "--clusters", 2, "--labels"]
        self.refused(4, ["File name too long"], *kmeans, 256 * "n")
        folder = self.path(200 * "d")
        os.mkdir(folder)
        os.symlink(self.path("run.h5"), os.path.join(folder, 80 * "r" + ".h5"))
        self.refused(4, ["MPI-IO takes up to 224"], *kmeans, os.path.join(folder, "l.h5"))
        done = run("stats", os.path.join(folder, 80 * "r" + ".h5:/fields/u"), "--io", "collective", ranks=2)
        self.assertEqual(done.returncode, 4, done.stderr)
        self.assertEqual(done.stderr.count("serried: "), 1, done.stderr)
        self.assertIn("MPI-IO takes up to 224", done.stderr)
        shutil.rmtree(folder)

    def test_output_would_replace_an_input(self):
        kmeans = ["kmeans", "run.h5:/fields/u", "--clusters", 2]
        self.refused(2, ["run.h5"], *kmeans, "--labels", "run.h5:/labels")
        self.refused(2, ["run.h5"], *kmeans, "--model", "./sub/../run.h5")
        self.refused(2, ["model.h5"], "predict", "model.h5", "run.h5:/fields/u", "--labels", "model.h5")

    def test_output_would_replace_a_file_behind_an_input(self):
        with h5py.File(self.path("target.h5"), "w") as f:
            f["u"] = np.arange(20.0).reshape(10, 2)
        np.arange(20.0).tofile(self.path("raw.bin"))
        with h5py.File(self.path("ways.h5"), "w") as f:
            f["link"] = h5py.ExternalLink("target.h5", "/u")
            layout = h5py.VirtualLayout((10, 2), "f8")
            layout[...] = h5py.VirtualSource("target.h5", "u", (10, 2))
            f.create_virtual_dataset("virtual", layout)
            f.create_dataset("raw", (10, 2), "f8", external=[("raw.bin", 0, h5py.h5f.UNLIMITED)])
        for name, output in (("link", "target.h5"), ("virtual", "target.h5"), ("raw", "raw.bin")):
            kmeans = ["kmeans", f"ways.h5:/{name}", "--clusters", 2]
            self.assertEqual(run(*kmeans, cwd=self.folder).returncode, 0)
            self.refused(2, [output], *kmeans, "--labels", output)
            self.refused(2, [output], *kmeans, "--model", output)

    def test_outputs_that_are_no_files(self):
        # The null device's number, but a node of the test's own: a failure must not harm the system.
        os.mkfifo(self.path("pipe"))
        try:
            os.mknod(self.path("null"), 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        except PermissionError:
            os.mkfifo(self.path("null"))
        os.symlink("pipe", self.path("link"))
        for name in ("pipe", "null", "link"):
            self.refused(4, [name, "regular"], "kmeans", "run.h5:/fields/u", "--clusters", 2, "--labels", name)
            self.refused(4, [name, "regular"], "kmeans", "run.h5:/fields/u", "--clusters", 2, "--model", name)

    def test_outputs_that_are_one_file(self):
        kmeans = ["kmeans", "run.h5:/fields/u", "--clusters", 2, "--labels"]
        os.symlink("sub", self.path("way"))
        self.refused(2, ["out.h5"], *kmeans, "out.h5", "--model", self.path("out.h5"))
        self.refused(2, ["out.h5"], *kmeans, "sub/out.h5", "--model", "way/out.h5")
        self.refused(2, ["--model"], *kmeans, "out.h5", "--model", "")

    def test_selection_beyond_the_data(self):
        self.refused(2, ["/fields/u"], "stats", "run.h5:/fields/u[0,0,0]")
        self.refused(2, [], "kmeans", "run.h5:/fields/u", "--clusters", 2, "--sample-axes", "2")

    def test_given_centres_that_do_not_fit(self):
        kmeans = ["kmeans", "run.h5:/fields/u"]
        self.refused(3, ["flat_centers", "2", "3"], *kmeans, "--init", "run.h5:/flat_centers")
        self.refused(2, ["4", "7"], *kmeans, "--init", "run.h5:/centers", "--clusters", 7)
        self.refused(3, ["nan_centers", "NaN"], *kmeans, "--init", "run.h5:/nan_centers")
        self.refused(3, ["no_centers"], *kmeans, "--init", "run.h5:/no_centers")
        self.refused(4, ["run.h5", "/nowhere"], *kmeans, "--init", "run.h5:/nowhere")

    def test_samples_without_features(self):
        self.refused(3, ["no_features"], "kmeans", "run.h5:/no_features", "--clusters", 2)

    def test_weights_that_do_not_fit(self):
        kmeans = ["kmeans", "run.h5:/fields/u", "--clusters", 2, "--labels", "out.h5", "--weights"]
        self.refused(3, ["2000", "1999"], *kmeans, "run.h5:/weights/short")
        self.refused(3, ["2000", "(3, 2000)"], *kmeans, "run.h5:/weights/turned")
        for name in ("negative", "none", "infinite"):
            self.refused(3, ["weight"], *kmeans, "run.h5:/weights/" + name)

    def test_predict_needs_the_model_and_its_features(self):
        self.refused(3, ["run.h5"], "predict", "run.h5", "run.h5:/fields/u")
        self.refused(3, ["2 features", "(3,)"], "predict", "model.h5", "run.h5:/fields/v")
        for name in BROKEN_MODELS:
            self.refused(3, [name, "no k-means model"], "predict", name, "run.h5:/fields/u")

    def test_damaged_model(self):
        """Each object header of a model has a checksum; a wrong one is file trouble, in one line of one message."""
        with open(self.path("model.h5"), "rb") as f:
            whole = f.read()
        headers = [i for i in range(len(whole)) if whole.startswith(b"OHDR", i)]
        self.assertGreaterEqual(len(headers), 2)
        for number, at in enumerate(headers):
            name = f"header{number}.h5"
            with open(self.path(name), "wb") as f:
                f.write(whole[:at + 8] + bytes([whole[at + 8] ^ 255]) + whole[at + 9:])
            self.refused(4, [name, "damaged"], "predict", name, "run.h5:/fields/u")
            done = run("predict", name, "run.h5:/fields/u", cwd=self.folder)
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)


if __name__ == "__main__":
    main()
