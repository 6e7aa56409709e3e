"""The same JSON, bit for bit, at any number of ranks and threads, with AVX2 and with AVX-512."""

import os

from support import CommandTest, main, need_oracles, run, run_json, without_seconds

need_oracles()
import h5py
import numpy as np

HAS_AVX512 = " avx512bw " in open("/proc/cpuinfo").read().replace("\n", " ")
OTHER = "avx512" if HAS_AVX512 else "avx2"

# ranks, threads, instruction level, transfers; the first is what the others are compared with
SETTINGS = [
    (1, 1, "avx2", "independent"),
    (1, 2, OTHER, "collective"),
    (2, 1, OTHER, "independent"),
    (2, 2, "avx2", "collective"),
    (3, 1, OTHER, "collective"),
    (4, 2, "avx2", "independent"),
    (7, 1, "avx2", "independent"),
    (7, 2, OTHER, "collective"),
]


def answers(*arguments, settings=SETTINGS, labels=None):
    found = []
    for ranks, threads, target, io in settings:
        extra = [] if labels is None else ["--labels", labels]
        answer = without_seconds(run_json(*arguments, *extra, "--threads", threads, "--io", io, ranks=ranks,
                                          env={"SERRIED_TARGET": target}))
        if labels is not None:
            with h5py.File(labels) as f:
                answer["labels"] = f["labels"][...].tobytes()
            os.remove(labels)
        found.append(answer)
    return found


class SameBits(CommandTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        rng = np.random.default_rng(2)
        # 20 011 rows: more than one row in a tile, and no number of ranks divides it.
        data = rng.normal(size=(20011, 5)) * [1, 10, 0.01, 3, 1] + [0, 1e4, 5, 0, 273.15]
        data[::7] += 4
        holes = data.copy()
        holes[rng.integers(0, 20011, 300), rng.integers(0, 5, 300)] = np.nan
        with h5py.File(os.path.join(cls.folder, "run.h5"), "w") as f:
            f["x"] = data
            f["x32"] = data.astype("f4")
            f["holes"] = holes
            f["weights"] = rng.integers(0, 5, 20011) * 0.37
            f["five"] = data[:5]
            f["one"] = data[:1]
            f["series"] = rng.normal(size=(3, 40, 50))
            f.create_dataset("packed", data=holes, chunks=(1000, 2), compression=4, shuffle=True)

    def same(self, *arguments, **options):
        first, *others = answers(*arguments, **options)
        for setting, other in zip(SETTINGS[1:], others):
            self.assertEqual(first, other, f"{arguments} at {setting} against {SETTINGS[0]}")
        return first

    def test_stats(self):
        run5 = self.path("run.h5")
        self.same("stats", f"{run5}:/x", f"{run5}:/x32", f"{run5}:/holes", f"{run5}:/packed", f"{run5}:/five",
                  f"{run5}:/one", f"{run5}:/series", "--bins", 17)

    def test_stats_by_column(self):
        run5 = self.path("run.h5")
        self.same("stats", f"{run5}:/x", f"{run5}:/x32", f"{run5}:/packed", f"{run5}:/five", f"{run5}:/series",
                  "--by-column", "--range", "-3,3")

    def test_kmeans_inits(self):
        for init in ("kmeans-parallel", "kmeans++", "random"):
            with self.subTest(init=init):
                self.same("kmeans", self.path("run.h5:/x"), "--clusters", 6, "--init", init, "--seed", 11,
                          labels=self.path("labels.h5"))

    def test_kmeans_given_centres(self):
        self.same("kmeans", self.path("run.h5:/x32"), "--init", self.path("run.h5:/five"),
                  labels=self.path("labels.h5"))

    def test_kmeans_weights_and_missing(self):
        self.same("kmeans", self.path("run.h5:/holes"), "--clusters", 5, "--missing", "drop", "--weights",
                  self.path("run.h5:/weights"), "--n-init", 2, labels=self.path("labels.h5"))

    def test_kmeans_batches(self):
        self.same("kmeans", self.path("run.h5:/x32"), "--clusters", 6, "--batch", 500, labels=self.path("labels.h5"))
        self.same("kmeans", self.path("run.h5:/packed"), "--clusters", 5, "--missing", "drop", "--weights",
                  self.path("run.h5:/weights"), "--batch", 3000, labels=self.path("labels.h5"))
        self.same("kmeans", self.path("run.h5:/five"), "--clusters", 3, "--batch", 2, labels=self.path("labels.h5"))

    def test_kmeans_with_ranks_that_hold_no_row(self):
        self.same("kmeans", self.path("run.h5:/five"), "--clusters", 3, labels=self.path("labels.h5"))
        self.same("kmeans", self.path("run.h5:/one"), "--clusters", 1, labels=self.path("labels.h5"))

    def test_predict(self):
        model = self.path("model.h5")
        done = run("kmeans", self.path("run.h5:/x"), "--clusters", 4, "--model", model)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.same("predict", model, self.path("run.h5:/packed"), "--missing", "drop", labels=self.path("labels.h5"))


if __name__ == "__main__":
    main()
