"""The same JSON, bit for bit, whatever memory there is; and what is said where it is too little."""

import json
import os
import re

from support import CommandTest, main, need_oracles, run, run_json, without_seconds

need_oracles()
import h5py
import numpy as np

# ranks, memory of the node, transfers; the first is what the others are compared with: all in memory, a part
# in memory, next to nothing in memory
SETTINGS = [
    (1, "60%", "independent"),
    (1, "22M", "independent"),
    (1, "14M", "independent"),
    (2, "26M", "independent"),
    (2, "19M", "collective"),
    (3, "25M", "collective"),
    (4, "31M", "independent"),
    (7, "49M", "independent"),
]


class Memory(CommandTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        rng = np.random.default_rng(4)
        rows = 400011
        data = rng.normal(size=(rows, 8)) + 3 * rng.integers(0, 6, size=(rows, 1))
        holes = data.copy()
        holes[rng.integers(0, rows, 500), rng.integers(0, 8, 500)] = np.nan
        with h5py.File(os.path.join(cls.folder, "run.h5"), "w") as f:
            f["x"] = data
            f.create_dataset("packed", data=holes, chunks=(3000, 8), compression=1, shuffle=True)
            f["across"] = np.ascontiguousarray(data.T)
            f["whole"] = data.reshape(1, -1)
            f["weights"] = rng.integers(0, 5, rows) * 0.37
            f["six"] = data[:6]

    def same(self, *arguments, labels=True):
        path = self.path("labels.h5")
        first = None
        streamed = 0
        for ranks, memory, io in SETTINGS:
            extra = ["--labels", path] if labels else []
            done = run(*arguments, *extra, "--memory", memory, "--io", io, "--json", "--report", "-", ranks=ranks)
            self.assertEqual(done.returncode, 0, f"{arguments} at {ranks}, {memory}, {io}: {done.stderr}")
            streamed += "rows in memory: all of" not in " ".join(done.stderr.split())
            answer = without_seconds(json.loads(done.stdout))
            if labels:
                with h5py.File(path) as f:
                    answer["labels"] = f["labels"][...].tobytes()
                os.remove(path)
            if first is None:
                first = answer
                self.assertEqual(streamed, 0 if arguments[0] == "kmeans" else 1)
            self.assertEqual(first, answer, f"{arguments} at {ranks}, {memory}, {io}")
        return streamed

    def test_stats(self):
        run5 = self.path("run.h5")
        self.same("stats", f"{run5}:/x", f"{run5}:/packed", f"{run5}:/whole", "--bins", 9, labels=False)
        self.same("stats", f"{run5}:/x", f"{run5}:/packed", "--by-column", labels=False)

    def test_kmeans(self):
        run5 = self.path("run.h5")
        for init in ("kmeans-parallel", "kmeans++", "random", f"{run5}:/six"):
            with self.subTest(init=init):
                clusters = [] if init.endswith("six") else ["--clusters", 6]
                streamed = self.same("kmeans", f"{run5}:/x", *clusters, "--init", init, "--seed", 5,
                                     "--max-iterations", 8)
                self.assertGreaterEqual(streamed, 5)

    def test_kmeans_of_several_fits(self):
        several = ["--n-init", 2, "--max-iterations", 4]
        run5 = self.path("run.h5")
        self.assertGreaterEqual(self.same("kmeans", f"{run5}:/x", "--clusters", 5, *several), 4)
        self.assertGreaterEqual(
            self.same("kmeans", f"{run5}:/x", "--clusters", "2:4", *several, "--silhouette-sample", 500), 4)

    def test_kmeans_of_packed_data(self):
        run5 = self.path("run.h5")
        for bounds in ("auto", "off"):
            streamed = self.same("kmeans", f"{run5}:/packed", "--clusters", 4, "--missing", "drop", "--weights",
                                 f"{run5}:/weights", "--max-iterations", 6, "--bounds", bounds)
            self.assertGreaterEqual(streamed, 4)

    def test_kmeans_of_samples_across_the_file(self):
        streamed = self.same("kmeans", self.path("run.h5:/across"), "--sample-axes", 1, "--clusters", 6,
                             "--max-iterations", 6)
        self.assertGreaterEqual(streamed, 4)

    def test_predict(self):
        model = self.path("model.h5")
        done = run("kmeans", self.path("run.h5:/x"), "--clusters", 4, "--model", model)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.same("predict", model, self.path("run.h5:/packed"), "--missing", "drop")

    def test_predict_labels_larger_than_the_memory(self):
        model = self.path("model.h5")
        rows = 12500000
        centers = np.array([-3.0, 0.5, 2.0, 5.5])
        rng = np.random.default_rng(6)
        data = rng.normal(size=(rows, 1)).astype("f4") + 3 * rng.integers(-1, 2, size=(rows, 1)).astype("f4")
        with h5py.File(self.path("large.h5"), "w") as f:
            f["centers"] = centers.reshape(4, 1)
            f["few"] = data[:100]
            f["x"] = data
            f.create_dataset("packed", data=data, chunks=(30000, 1), compression=1)
        done = run("kmeans", self.path("large.h5:/few"), "--init", self.path("large.h5:/centers"), "--max-iterations", 1,
                   "--model", model)
        self.assertEqual(done.returncode, 0, done.stderr)
        with h5py.File(model) as f:
            centers = f["centers"][...].ravel()
        middles = (np.sort(centers)[1:] + np.sort(centers)[:-1]) / 2
        expected = np.argsort(centers)[np.searchsorted(middles, data.ravel())].astype("i4")
        few_peaks = {ranks: self.predicted(model, "few", ranks, "60%", "independent")[0] for ranks in (1, 2, 3)}
        first = None
        for ranks, memory, name, io in ((1, "60%", "x", "independent"), (1, "16M", "x", "independent"),
                                        (1, "16M", "packed", "collective"), (2, "32M", "x", "collective"),
                                        (2, "32M", "packed", "independent"), (3, "47M", "x", "independent"),
                                        (3, "47M", "packed", "collective")):
            self.assertTrue(memory == "60%" or int(memory[:-1]) << 20 < expected.nbytes)
            peak, answer = self.predicted(model, name, ranks, memory, io)
            if memory != "60%" and io == "independent":  # MPI-IO takes buffers of its own for collective reads
                self.check_peak(peak - few_peaks[ranks], int(memory[:-1]) / ranks * (1 << 20), f"{ranks}, {name}, {io}")
            with h5py.File(self.path("labels.h5")) as f:
                np.testing.assert_array_equal(f["labels"][...], expected)
                stored = f["labels"].id
                chunks = [stored.read_direct_chunk(stored.get_chunk_info(i).chunk_offset)[1]
                          for i in range(stored.get_num_chunks())]
            answer["chunks"] = sorted(chunks)
            if first is None:
                first = answer
            self.assertEqual(first, answer, f"{ranks}, {memory}, {name}, {io}")
        for name in ("large.h5", "labels.h5"):
            os.remove(self.path(name))

    def predicted(self, model, name, ranks, memory, io):
        """Predicts into labels.h5; the highest peak memory of a rank in bytes, by the kernel's count, and the JSON."""
        done = run("predict", model, self.path(f"large.h5:/{name}"), "--labels", self.path("labels.h5"), "--memory",
                   memory, "--io", io, "--json", "--report", "-", ranks=ranks)
        self.assertEqual(done.returncode, 0, done.stderr)
        peaks = re.findall(r"  host  +(?:[0-9.]+ MB - )?([0-9.]+) MB  ", done.stderr)
        return max(float(peak) for peak in peaks) * 1e6, without_seconds(json.loads(done.stdout))

    def test_a_row_larger_than_the_memory(self):
        # one row of 24 MiB: statistics do not mind, and a fit reads it by pieces
        whole = self.path("run.h5:/whole")
        self.assertEqual(run_json("stats", whole, "--memory", "14M")["datasets"],
                         run_json("stats", whole)["datasets"])
        fits = [run_json("kmeans", whole, "--clusters", 1, "--memory", memory) for memory in ("14M", "8G")]
        self.assertIsNone(fits[0]["centers"])
        self.assertEqual(len(fits[1]["centers"][0]), 3200088)
        for key in ("inertia", "iterations", "sizes", "rows_used", "features"):
            self.assertEqual(fits[0][key], fits[1][key])

    def test_too_little_memory_names_the_minimum(self):
        for ranks, name, more in ((1, "/x", ()), (3, "/x", ()), (1, "/packed", ("--missing", "drop")),
                                  (2, "/packed", ("--missing", "drop"))):
            arguments = ("kmeans", self.path(f"run.h5:{name}"), "--clusters", 6, "--max-iterations", 3, "--quiet", *more)
            done = run(*arguments, "--memory", "100K", ranks=ranks)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertEqual(done.stdout, "")
            done = run(*arguments, "--memory", self.named(done), ranks=ranks)
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_too_little_memory_for_labels(self):
        model = self.path("six.h5")
        self.assertEqual(run("kmeans", self.path("run.h5:/six"), "--clusters", 2, "--model", model).returncode, 0)
        for ranks, name in ((1, "x"), (3, "x"), (1, "packed"), (2, "packed"), (2, "across")):
            arguments = ["predict", model, self.path(f"run.h5:/{name}"), "--missing", "drop", "--quiet", "--labels",
                         self.path("labels.h5")] + (["--sample-axes", 1] if name == "across" else [])
            done = run(*arguments, "--memory", "100K", ranks=ranks)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertFalse(os.path.exists(self.path("labels.h5")))
            done = run(*arguments, "--memory", self.named(done), ranks=ranks)
            self.assertEqual(done.returncode, 0, done.stderr)
            os.remove(self.path("labels.h5"))

    def test_too_little_memory_for_statistics(self):
        for arguments in (["stats", self.path("run.h5:/packed")], ["stats", self.path("run.h5:/x"), "--by-column"]):
            done = run(*arguments, "--memory", "60K", ranks=2)
            self.assertEqual(done.returncode, 2, done.stderr)
            done = run(*arguments, "--memory", self.named(done), "--json", ranks=2)
            self.assertEqual(done.returncode, 0, done.stderr[:2000])

    def named(self, done):
        """The size that a message asks for, as it can be given."""
        least = re.search(r"needs at least ([0-9.]+) ([KMG])iB of memory", done.stderr)
        self.assertTrue(least, done.stderr)
        return least.group(1) + least.group(2)

    def test_wrong_sizes(self):
        for size in ("", "0", "-1G", "4X", "101%", "0%", "G", "1e3M", "4GG"):
            done = run("stats", self.path("run.h5:/x"), f"--memory={size}")
            self.assertEqual(done.returncode, 2, f"{size}: {done.stderr}")
            self.assertIn("--memory", done.stderr)


if __name__ == "__main__":
    main()
