"""`serried kmeans --clusters LO:HI` against scikit-learn's scores, and its bits at any number of ranks."""

import os

from support import CommandTest, main, need_oracles, run, run_json, without_seconds

need_oracles()
import h5py
import numpy as np
from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score, silhouette_score

HAS_AVX512 = " avx512bw " in open("/proc/cpuinfo").read().replace("\n", " ")
OTHER = "avx512" if HAS_AVX512 else "avx2"
SCORES = {
    "silhouette": silhouette_score,
    "davies_bouldin": davies_bouldin_score,
    "calinski_harabasz": calinski_harabasz_score,
}


class KMeansRange(CommandTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        rng = np.random.default_rng(12)
        means = 9 * np.eye(6)
        cls.x = means[rng.integers(0, 6, 2503)] + rng.normal(size=(2503, 6)) + 7
        cls.holes = cls.x.copy()
        cls.holes[rng.integers(0, 2503, 40), rng.integers(0, 6, 40)] = np.nan
        cls.duplicates = rng.integers(0, 3, (600, 2)).astype("f8")
        cls.weights = rng.integers(0, 3, 2503) * 0.5
        cls.file = os.path.join(cls.folder, "run.h5")
        with h5py.File(cls.file, "w") as f:
            for name in ("x", "holes", "duplicates", "weights"):
                f[name] = getattr(cls, name)
            f["x32"] = cls.x.astype("f4")
            f["few"] = cls.x[:5]
            f["large"] = means[rng.integers(0, 6, 30000)] + rng.normal(size=(30000, 6))

    def fit(self, address, clusters, *options, ranks=2):
        """The answer, with the labels of the fit that was kept."""
        labels = self.path("labels.h5")
        answer = run_json("kmeans", address, "--clusters", clusters, *options, "--labels", labels, ranks=ranks)
        with h5py.File(labels) as f:
            answer["labels"] = f["labels"][...]
        os.remove(labels)
        return answer

    def assert_scores_of(self, x, answer, labels=None):
        kept = answer["labels"] if labels is None else labels
        used = kept >= 0
        fit = next(fit for fit in answer["fits"] if fit["clusters"] == (answer["best_clusters"] or 1))
        for name, score in SCORES.items():
            np.testing.assert_allclose(fit[name], score(x[used], kept[used]), rtol=1e-12, err_msg=name)

    def test_scores_are_those_of_scikit_learn(self):
        answer = self.fit(f"{self.file}:/x", "2:9", "--n-init", 3)
        self.assertEqual([fit["clusters"] for fit in answer["fits"]], list(range(2, 10)))
        self.assertEqual(answer["best_clusters"], 6)
        self.assert_scores_of(self.x, answer)
        best = max(answer["fits"], key=lambda fit: fit["silhouette"])
        self.assertEqual(best["clusters"], answer["best_clusters"])
        self.assertEqual(answer["silhouette_rows"], 2503)
        for fit in answer["fits"]:
            self.assertEqual(list(fit), ["clusters", "inertia", "iterations", "converged", "silhouette",
                                         "davies_bouldin", "calinski_harabasz", "sizes"])
        # Each number for itself is fitted and scored alike.
        for clusters in (2, 5, 9):
            alone = self.fit(f"{self.file}:/x", f"{clusters}:{clusters}", "--n-init", 3)
            self.assertEqual(alone["fits"], [fit for fit in answer["fits"] if fit["clusters"] == clusters])
            self.assert_scores_of(self.x, alone)
            plain = run_json("kmeans", f"{self.file}:/x", "--clusters", clusters, "--n-init", 3)
            for field in ("inertia", "iterations", "converged", "sizes"):
                self.assertEqual(alone["fits"][0][field], plain[field])

    def test_steps(self):
        answer = self.fit(f"{self.file}:/x", "3:11:4")
        self.assertEqual([fit["clusters"] for fit in answer["fits"]], [3, 7, 11])

    def test_missing_and_weights(self):
        answer = self.fit(f"{self.file}:/holes", "2:4", "--missing", "drop", "--weights", f"{self.file}:/weights",
                          ranks=3)
        used = ~np.isnan(self.holes).any(axis=1)
        self.assertEqual((answer["rows"], answer["rows_used"]), (2503, int(used.sum())))
        np.testing.assert_array_equal(answer["labels"] >= 0, used)
        self.assert_scores_of(self.holes, answer)

    def test_duplicates_and_undefined_scores(self):
        answer = self.fit(f"{self.file}:/duplicates", "1:11", "--init", "kmeans++", ranks=3)
        fits = {fit["clusters"]: fit for fit in answer["fits"]}
        self.assertEqual(answer["best_clusters"], 9)
        self.assert_scores_of(self.duplicates, answer)
        self.assertEqual((fits[9]["silhouette"], fits[9]["davies_bouldin"]), (1, 0))
        self.assertLess(fits[9]["inertia"], 1e-25)
        self.assertEqual(answer["nonfinite_count"], 0)
        for clusters in (1, 10, 11):  # one cluster, and more clusters than different samples
            self.assertEqual([fits[clusters][name] for name in SCORES], [None] * 3)
        few = self.fit(f"{self.file}:/few", "1:5", ranks=4)
        self.assertEqual([fit["silhouette"] is None for fit in few["fits"]], [True, False, False, False, True])
        none = self.fit(f"{self.file}:/few", "5:5")
        self.assertIsNone(none["best_clusters"])
        self.assertEqual(sorted(none["labels"]), list(range(5)))

    def test_same_bits_everywhere(self):
        for arguments in (["large", "2:6:2", "--silhouette-sample", 700, "--n-init", 2], ["x32", "2:4"],
                          ["holes", "3:4", "--missing", "drop", "--init", "random"], ["few", "1:5"]):
            address, clusters, *options = arguments
            first = None
            for ranks, threads, target, io in ((1, 1, "avx2", "independent"), (2, 2, OTHER, "collective"),
                                               (3, 1, OTHER, "independent"), (4, 1, "avx2", "collective"),
                                               (7, 2, OTHER, "independent")):
                labels = self.path("labels.h5")
                answer = without_seconds(
                    run_json("kmeans", f"{self.file}:/{address}", "--clusters", clusters, *options, "--labels", labels,
                             "--threads", threads, "--io", io, ranks=ranks, env={"SERRIED_TARGET": target}))
                with h5py.File(labels) as f:
                    answer["labels"] = f["labels"][...].tobytes()
                os.remove(labels)
                first = first or answer
                self.assertEqual(answer, first, f"{arguments} at {ranks} ranks")

    def test_a_sample_is_drawn_by_the_seed(self):
        sampled = [
            self.fit(f"{self.file}:/large", "6:6", "--silhouette-sample", 400, "--seed", seed) for seed in (1, 1, 2)
        ]
        self.assertEqual([answer["silhouette_rows"] for answer in sampled], [400] * 3)
        silhouettes = [answer["fits"][0]["silhouette"] for answer in sampled]
        self.assertEqual(silhouettes[0], silhouettes[1])
        self.assertNotEqual(silhouettes[0], silhouettes[2])
        whole = self.fit(f"{self.file}:/large", "6:6")
        self.assertEqual(whole["silhouette_rows"], 10000)
        for value in silhouettes:
            self.assertAlmostEqual(value, whole["fits"][0]["silhouette"], delta=0.05)

    def test_the_best_fit_is_written(self):
        model, again = self.path("model.h5"), self.path("again.h5")
        answer = self.fit(f"{self.file}:/x", "2:8", "--n-init", 3, "--model", model)
        with h5py.File(model) as f:
            self.assertEqual(f["centers"].shape, (answer["best_clusters"], 6))
        run_json("predict", model, f"{self.file}:/x", "--labels", again)
        with h5py.File(again) as f:
            np.testing.assert_array_equal(f["labels"][...], answer["labels"])

    def test_text_and_report(self):
        done = run("kmeans", f"{self.file}:/x", "--clusters", "1:7", "--n-init", 3, "--report", "-", ranks=2)
        self.assertEqual(done.returncode, 0, done.stderr)
        for part in ("2503 samples x 6 features", "silhouette", "Davies-Bouldin", "Calinski-Harabasz",
                     "  6 *  ", "*: best, by the silhouette of all 2503 samples"):
            self.assertIn(part, done.stdout)
        self.assertRegex(done.stderr, r"k-means reads of the data: \d+ for 21 fits together")
        self.assertIn("score", done.stderr)
        for line in done.stdout.splitlines():
            self.assertLessEqual(len(line), 100, line)

    def test_too_many_clusters(self):
        done = run("kmeans", f"{self.file}:/few", "--clusters", "2:6", ranks=2)
        self.assertEqual(done.returncode, 3)
        self.assertIn("6 clusters need at least as many rows", done.stderr)


if __name__ == "__main__":
    main()
