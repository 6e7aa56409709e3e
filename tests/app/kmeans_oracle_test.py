"""`serried kmeans` and `predict` against scikit-learn and a loop in long double."""

import os
import warnings

from support import CommandTest, main, need_oracles, run, run_json

need_oracles()
import h5py
import numpy as np
from sklearn.cluster import KMeans


def squared_distances(x, centers):
    """(rows, clusters) in long double, by the direct form."""
    wide = x.astype(np.longdouble)
    return np.stack([((wide - c.astype(np.longdouble)) ** 2).sum(axis=1) for c in np.asarray(centers)], axis=1)


class KMeansOracle(CommandTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        rng = np.random.default_rng(9)
        means = rng.normal(size=(7, 6)) * 4
        cls.x = means[rng.integers(0, 7, 6007)] + rng.normal(size=(6007, 6)) + 20
        cls.kelvin = (273.15 + 5 * (means[rng.integers(0, 7, 20000)][:, :4] / 4) + rng.normal(size=(20000, 4))).astype(
            "f4")
        cls.weights = rng.integers(0, 4, 6007) * 0.5
        cls.file = os.path.join(cls.folder, "run.h5")
        with h5py.File(cls.file, "w") as f:
            f["x"] = cls.x
            f["kelvin"] = cls.kelvin
            f["weights"] = cls.weights
            f["centers"] = cls.x[:7]
            f["kelvin_centers"] = cls.kelvin[:7]

    def fit(self, *arguments, ranks=3):
        labels = self.path("labels.h5")
        answer = run_json("kmeans", *arguments, "--labels", labels, ranks=ranks)
        with h5py.File(labels) as f:
            answer["labels"] = f["labels"][...]
        os.remove(labels)
        return answer

    def assert_labels_of(self, x, found, mean):
        """Labels of the nearest centre, wherever the nearest two are told apart."""
        centers = np.array(found["centers"])
        distances = squared_distances(x, centers)
        nearest = np.argmin(distances, axis=1)
        two = np.sort(distances, axis=1)[:, :2]
        bound = 1e-12 * (((x - mean) ** 2).sum(axis=1) + ((centers[nearest] - mean) ** 2).sum(axis=1))
        clear = two[:, 1] - two[:, 0] > bound
        np.testing.assert_array_equal(found["labels"][clear], nearest[clear])

    def assert_inertia_of(self, x, found, weights=None):
        distances = squared_distances(x, np.array(found["centers"]))[np.arange(len(x)), found["labels"]]
        total = (distances if weights is None else distances * weights.astype(np.longdouble)).sum()
        np.testing.assert_allclose(found["inertia"], float(total), rtol=1e-14)

    def sklearn(self, x, centers, weights=None, **options):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return KMeans(len(centers), init=centers, n_init=1, algorithm="lloyd", **options).fit(
                x, sample_weight=weights)

    def test_given_centres(self):
        peer = self.sklearn(self.x, self.x[:7], tol=0, max_iter=300)
        found = self.fit(f"{self.file}:/x", "--init", f"{self.file}:/centers", "--tolerance", 0)
        np.testing.assert_array_equal(found["labels"], peer.labels_)
        np.testing.assert_allclose(found["centers"], peer.cluster_centers_, rtol=1e-12)
        np.testing.assert_allclose(found["inertia"], peer.inertia_, rtol=1e-12)
        self.assertTrue(found["converged"])
        self.assertEqual(found["sizes"], np.bincount(found["labels"], minlength=7).tolist())
        self.assertEqual((found["rows"], found["rows_used"], found["features"], found["clusters"]), (6007, 6007, 6, 7))
        self.assert_labels_of(self.x, found, self.x.mean(axis=0))
        self.assert_inertia_of(self.x, found)

    def test_iterations_are_counted_as_scikit_learn_does(self):
        for count in (1, 2, 5):
            peer = self.sklearn(self.x, self.x[:7], tol=0, max_iter=count)
            found = self.fit(f"{self.file}:/x", "--init", f"{self.file}:/centers", "--tolerance", 0, "--max-iterations",
                             count)
            self.assertEqual(found["iterations"], count)
            self.assertFalse(found["converged"])
            np.testing.assert_allclose(found["centers"], peer.cluster_centers_, rtol=1e-12)
            np.testing.assert_allclose(found["inertia"], peer.inertia_, rtol=1e-12)

    def test_tolerance(self):
        for tolerance in (1e-2, 1e-4):
            peer = self.sklearn(self.x, self.x[:7], tol=tolerance, max_iter=300)
            found = self.fit(f"{self.file}:/x", "--init", f"{self.file}:/centers", "--tolerance", tolerance)
            self.assertEqual(found["iterations"], peer.n_iter_)
            np.testing.assert_allclose(found["inertia"], peer.inertia_, rtol=1e-12)

    def test_weights(self):
        peer = self.sklearn(self.x, self.x[:7], self.weights, tol=0)
        found = self.fit(f"{self.file}:/x", "--init", f"{self.file}:/centers", "--tolerance", 0, "--weights",
                         f"{self.file}:/weights")
        np.testing.assert_allclose(found["centers"], peer.cluster_centers_, rtol=1e-12)
        np.testing.assert_allclose(found["inertia"], peer.inertia_, rtol=1e-12)
        self.assert_inertia_of(self.x, found, self.weights)

    def test_f32_far_from_zero_has_the_labels_of_f64(self):
        found = self.fit(f"{self.file}:/kelvin", "--init", f"{self.file}:/kelvin_centers")
        x = self.kelvin.astype("f8")
        nearest = np.argmin(squared_distances(x, np.array(found["centers"])), axis=1)
        self.assertLessEqual(np.count_nonzero(found["labels"] != nearest), len(x) // 100000)

    def test_random_inits_find_the_clusters(self):
        peer = KMeans(7, n_init=20, random_state=0).fit(self.x)
        for init in ("kmeans-parallel", "kmeans||", "kmeans++", "random"):
            found = self.fit(f"{self.file}:/x", "--clusters", 7, "--init", init, "--n-init", 5, "--seed", 3)
            # Five random draws of rows may all miss one of the clusters; the careful inits do not.
            self.assertLess(found["inertia"], (2 if init == "random" else 1.2) * peer.inertia_, init)
            self.assert_labels_of(self.x, found, self.x.mean(axis=0))
            self.assert_inertia_of(self.x, found)

    def test_predict_gives_the_labels_of_the_fit(self):
        model, labels, again = self.path("model.h5"), self.path("labels.h5"), self.path("again.h5")
        fit = run_json("kmeans", f"{self.file}:/x", "--clusters", 5, "--model", model, "--labels", labels, ranks=2)
        predicted = run_json("predict", model, f"{self.file}:/x", "--labels", f"{again}:/deep/er", ranks=3)
        self.assertEqual(predicted["sizes"], fit["sizes"])
        self.assertEqual(predicted["inertia"], fit["inertia"])
        self.assertEqual((predicted["verb"], predicted["rows"], predicted["rows_used"]), ("predict", 6007, 6007))
        with h5py.File(labels) as a, h5py.File(again) as b, h5py.File(model) as m:
            np.testing.assert_array_equal(a["labels"][...], b["deep/er"][...])
            self.assertEqual(a["labels"].dtype, np.int32)
            self.assertEqual(m["centers"][...].tolist(), fit["centers"])
            self.assertEqual(m["centers"].attrs["feature_shape"].tolist(), [6])
            self.assertEqual(m["sizes"][...].tolist(), fit["sizes"])
            self.assertEqual(m["sizes"].dtype, np.int64)
            for file in (a, b, m):
                words = str(dict(file.attrs))
                self.assertIn("run.h5", words, "provenance names the inputs and the command line")
                self.assertIn("--labels", words)

    def test_missing_values(self):
        x = self.x.copy()
        x[[3, 77, 4000], [0, 5, 2]] = [np.nan, np.inf, -np.inf]
        with h5py.File(self.path("holes.h5"), "w") as f:
            f["x"] = x
            f["kept"] = np.delete(x, [3, 77, 4000], axis=0)
        init = ["--init", f"{self.file}:/centers"]
        found = self.fit(self.path("holes.h5:/x"), *init, "--missing", "drop")
        kept = self.fit(self.path("holes.h5:/kept"), *init)
        self.assertEqual((found["rows"], found["rows_used"]), (6007, 6004))
        np.testing.assert_array_equal(np.flatnonzero(found["labels"] < 0), [3, 77, 4000])
        np.testing.assert_array_equal(np.delete(found["labels"], [3, 77, 4000]), kept["labels"])
        np.testing.assert_allclose(found["centers"], kept["centers"], rtol=1e-13)

    def test_several_datasets_are_features_side_by_side(self):
        rng = np.random.default_rng(10)
        u, v = rng.normal(size=(12, 9, 5)), rng.normal(size=(12, 9, 5)) + 3
        with h5py.File(self.path("fields.h5"), "w") as f:
            f["u"], f["v"] = u, v
            f["uv"] = np.stack([u.ravel(), v.ravel()], axis=1)
        options = ["--clusters", 3, "--seed", 5]
        fields = self.fit(self.path("fields.h5:/u"), self.path("fields.h5:/v"), "--sample-axes", "all", *options)
        matrix = self.fit(self.path("fields.h5:/uv"), *options)
        self.assertEqual(fields["labels"].shape, (12, 9, 5))
        np.testing.assert_array_equal(fields["labels"].ravel(), matrix["labels"])
        self.assertEqual(fields["centers"], matrix["centers"])
        self.assertEqual(fields["features"], 2)

    def test_text_for_people_and_the_report(self):
        labels, model = self.path("labels.h5"), self.path("model.h5")
        done = run("kmeans", f"{self.file}:/x", "--clusters", 3, "--labels", labels, "--model", model, "--report", "-",
                   ranks=2)
        self.assertEqual(done.returncode, 0, done.stderr)
        for part in ("6007 samples x 6 features", "inertia", "centre", f"labels: {labels}:/labels", f"model: {model}"):
            self.assertIn(part, done.stdout)
        for part in ("phase", "read", "init", "fit", "write", "imbalance", "GB/s", "host", "threads", "peak memory",
                     "reads of the data"):
            self.assertIn(part, done.stderr)
        self.assertRegex(done.stderr, r"bound this run")


if __name__ == "__main__":
    main()
