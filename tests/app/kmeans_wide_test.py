"""K-means of rows that do not fit into memory: the bits of the usual path, by pieces of the columns."""

import json
import os
import re

import support
from support import CommandTest, main, need_oracles, run, run_json, without_seconds

need_oracles()
import h5py
import numpy as np

support.TIMEOUT_S = 240
FEATURES = 40003
# from 349 520 features on all distances of seeding are direct ones
MANY = 349520


class Wide(CommandTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        rng = np.random.default_rng(8)
        rows = 23
        places = rng.normal(size=(4, FEATURES)).astype("f4")
        x = places[rng.integers(0, 4, rows)] + 0.4 * rng.normal(size=(rows, FEATURES)).astype("f4")
        x += 50 * rng.normal(size=FEATURES).astype("f4")
        holes = x.copy()
        holes[5, 17] = np.nan
        holes[11, FEATURES - 1] = np.inf
        with h5py.File(os.path.join(cls.folder, "wide.h5"), "w") as f:
            f["f32"] = x
            f["f64"] = x[:9].astype("f8") * 1e-7
            f["i16"] = (x[:12] * 100).astype("i2")
            f["holes"] = holes
            f["many"] = np.tile(x[:8], 9)[:, :MANY] + rng.normal(size=MANY).astype("f4")
            f["cube"] = x[:6, :40000].reshape(6, 20, 50, 40)
            f["across"] = np.ascontiguousarray(x[:5].T)
            f.create_dataset("packed", data=x, chunks=(5, 7000), compression=1)
            f["weights"] = rng.integers(0, 4, rows) * 0.37
            f["centers"] = x[[3, 8, 20]] + np.float32(0.25)
            f["ragged"] = np.where(np.arange(FEATURES) == 9, np.nan, x[:2])

    def fit(self, name, *arguments, ranks, memory, code=0):
        """The JSON, the labels and the centres' bytes of a fit, and what the report says."""
        labels, model = self.path("labels.h5"), self.path("model.h5")
        for path in (labels, model):
            if os.path.exists(path):
                os.remove(path)
        done = run("kmeans", self.path(f"wide.h5:/{name}"), *arguments, "--labels", labels, "--model", model, "--memory",
                   memory, "--json", "--report", "-", ranks=ranks)
        self.assertEqual(done.returncode, code, f"{name} {arguments} at {ranks}, {memory}: {done.stderr}")
        if code != 0:
            self.assertFalse(os.path.exists(labels) or os.path.exists(model))
            return " ".join(line for line in done.stderr.splitlines() if line.startswith("serried"))
        answer = without_seconds(json.loads(done.stdout))
        with h5py.File(labels) as f:
            answer["labels"] = f["labels"][...].tobytes()
        with h5py.File(model) as f:
            answer["bytes"] = f["centers"][...].tobytes()
            answer["sizes in the file"] = f["sizes"][...].tolist()
            answer["attributes"] = {key: str(value) for key, value in f.attrs.items()
                                    if key in ("model", "dtype", "inertia", "iterations", "converged", "rows", "rows_used")}
            answer["feature_shape"] = f["centers"].attrs["feature_shape"].tolist()
        return answer, "none whole" in " ".join(done.stderr.split())

    def same(self, name, *arguments, ranks=(1, 3), memory=5):
        """Bits of the usual path and of pieces, which `memory` MiB for each rank allow."""
        first, is_wide = self.fit(name, *arguments, ranks=1, memory="8G")
        self.assertFalse(is_wide)
        self.assertEqual(len(first.pop("centers")), first["clusters"])
        for count in ranks:
            answer, is_wide = self.fit(name, *arguments, ranks=count, memory=f"{memory * count}M")
            self.assertTrue(is_wide, f"{name} {arguments} at {count}")
            self.assertIsNone(answer.pop("centers"))
            self.assertEqual(first.keys(), answer.keys())
            for key, value in first.items():
                if key != "nonfinite_count":
                    self.assertTrue(value == answer[key], f"{key} of {name} {arguments} at {count}")
        return first

    def test_inits(self):
        for init in ("random", self.path("wide.h5:/centers")):
            with self.subTest(init=init):
                clusters = [] if init.endswith("centers") else ["--clusters", 4]
                answer = self.same("f32", *clusters, "--init", init, "--seed", 3, ranks=(1, 2, 4))
                self.assertGreaterEqual(answer["iterations"], 2)

    def test_inits_by_distances(self):
        for init, ranks in (("kmeans++", (1, 2)), ("kmeans-parallel", (1, 3))):
            with self.subTest(init=init):
                self.same("many", "--clusters", 2, "--init", init, "--max-iterations", 2, ranks=ranks, memory=40)

    def test_dtypes(self):
        for name in ("f64", "i16"):
            with self.subTest(name=name):
                self.same(name, "--clusters", 3, "--init", "random")

    def test_weights_and_missing_rows(self):
        weights = ["--weights", self.path("wide.h5:/weights")]
        random = ["--clusters", 4, "--init", "random"]
        self.same("holes", *random, "--missing", "drop", *weights)
        plain = self.fit("holes", *random, ranks=1, memory="8G", code=3)
        for ranks in (1, 3):
            self.assertEqual(plain, self.fit("holes", *random, ranks=ranks, memory=f"{5 * ranks}M", code=3))
        self.assertIn("2 of 23 rows have NaN or Inf; the first is row 5", plain)
        done = self.fit("f32", "--init", self.path("wide.h5:/ragged"), ranks=2, memory="8M", code=3)
        self.assertIn("a centre has NaN or Inf", done)

    def test_layouts(self):
        random = ["--clusters", 4, "--init", "random"]
        self.same("cube", *random)
        self.same("across", "--sample-axes", 1, *random, memory=6)
        self.same("packed", *random, ranks=(1, 2, 7), memory=8)
        self.same("f32[2:12:2]", self.path("wide.h5:/f32[1:11:2,100:-100]"), *random)

    def test_predict(self):
        model = self.path("six.h5")
        done = run("kmeans", self.path("wide.h5:/f32"), "--clusters", 6, "--init", "random", "--model", model)
        self.assertEqual(done.returncode, 0, done.stderr)
        for name, counts in (("f32", (1, 2, 7)), ("holes", (1, 3)), ("i16", (2,))):
            first = None
            for ranks, memory in [(1, "8G")] + [(ranks, f"{6 * ranks}M") for ranks in counts]:
                labels = self.path("labels.h5")
                answer = without_seconds(run_json("predict", model, self.path(f"wide.h5:/{name}"), "--labels", labels,
                                                  "--missing", "drop", "--memory", memory, ranks=ranks))
                with h5py.File(labels) as f:
                    answer["labels"] = f["labels"][...].tobytes()
                first = first or answer
                self.assertEqual(first, answer, f"{name} at {ranks}")
        for memory in ("8G", "6M"):
            done = run("predict", model, self.path("wide.h5:/holes"), "--memory", memory)
            self.assertEqual(done.returncode, 3)
            self.assertIn("2 of 23 rows have NaN or Inf; the first is row 5", " ".join(done.stderr.split()))

    def test_text_shows_the_first_features(self):
        texts = []
        for memory in ("8G", "5M"):
            done = run("kmeans", self.path("wide.h5:/f64"), "--clusters", 3, "--init", "random", "--memory", memory)
            self.assertEqual(done.returncode, 0, done.stderr)
            texts.append(re.sub("seconds:.*", "", done.stdout))
        self.assertEqual(*texts)

    def test_what_cannot_be_done_by_pieces(self):
        for arguments in (["--clusters", "3:4"], ["--clusters", 4, "--batch", 8], ["--clusters", 4]):
            done = run("kmeans", self.path("wide.h5:/f32"), *arguments, "--memory", "5M")
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn("needs at least", done.stderr)

    def test_too_little_memory_names_the_minimum(self):
        for ranks, name in ((1, "f32"), (3, "f32"), (2, "packed")):
            arguments = ["kmeans", self.path(f"wide.h5:/{name}"), "--clusters", 4, "--init", "random", "--quiet"]
            done = run(*arguments, "--memory", "100K", ranks=ranks)
            self.assertEqual(done.returncode, 2, done.stderr)
            least = re.search(r"needs at least ([0-9.]+) ([KMG])iB of memory", done.stderr)
            done = run(*arguments, "--memory", least.group(1) + least.group(2), ranks=ranks)
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_row_larger_than_the_memory(self):
        features, memory = 2000000, 15
        rng = np.random.default_rng(9)
        x = rng.normal(size=(3, features)) + [[0], [3], [0]]
        self.assertLess(memory << 20, x[0].nbytes)
        with h5py.File(self.path("large.h5"), "w") as f:
            f["x"] = x
        arguments = ["--clusters", 2, "--init", "random", "--seed", 1, "--max-iterations", 1, "--labels",
                     self.path("labels.h5"), "--model", self.path("large_model.h5"), "--json", "--report", "-"]
        few, _ = self.peak(self.path("large.h5:/x[:,:64]"), arguments, 1)
        first = None
        for ranks in (1, 2):
            peak, answer = self.peak(self.path("large.h5:/x"), [*arguments, "--memory", f"{memory}M"], ranks)
            self.check_peak(peak - few, memory / ranks * (1 << 20) + 16e6, f"at {ranks}")
            with h5py.File(self.path("labels.h5")) as f, h5py.File(self.path("large_model.h5")) as g:
                labels, centers = f["labels"][...], g["centers"][...]
            first = first or (answer, labels.tolist(), centers.tobytes())
            self.assertTrue(first == (answer, labels.tolist(), centers.tobytes()), f"at {ranks}")
        expected = 0
        for j in range(2):
            np.testing.assert_allclose(centers[j], x[labels == j].mean(axis=0), rtol=1e-9, atol=1e-9)
            expected += ((x[labels == j] - centers[j]) ** 2).sum()
        self.assertAlmostEqual(first[0]["inertia"] / expected, 1, places=12)
        os.remove(self.path("large.h5"))
        os.remove(self.path("large_model.h5"))

    def peak(self, address, arguments, ranks):
        """The highest peak memory of a rank in bytes, by the kernel's count, and the JSON."""
        done = run("kmeans", address, *arguments, ranks=ranks)
        self.assertEqual(done.returncode, 0, done.stderr)
        peaks = re.findall(r"  host  +(?:[0-9.]+ MB - )?([0-9.]+) MB  ", done.stderr)
        return max(float(peak) for peak in peaks) * 1e6, without_seconds(json.loads(done.stdout))


if __name__ == "__main__":
    main()
