"""Real files of several producers, read as h5py and NumPy read them; and the job on a map of sea temperatures."""

import os

from support import CommandTest, data_file, main, need_oracles, run, run_json

need_oracles()
import h5py
import numpy as np


def decoded(dataset):
    """The values as NetCDF-4's attributes mean them."""
    raw = dataset[...]
    missing = np.zeros(raw.shape, bool)
    for name in ("_FillValue", "missing_value"):
        if name in dataset.attrs:
            missing |= raw == np.ravel(dataset.attrs[name])[0]
    factor = dataset.attrs.get("scale_factor")
    offset = dataset.attrs.get("add_offset")
    if factor is None and offset is None and not missing.any():
        return raw
    values = raw.astype("f4" if raw.dtype.itemsize <= 4 and raw.dtype.kind == "f" else "f8")
    if factor is not None:
        values = values * np.ravel(factor)[0]
    if offset is not None:
        values = values + np.ravel(offset)[0]
    values[missing] = np.nan
    return values


class RealFiles(CommandTest):
    def compare_all(self, name):
        path = data_file(name)
        datasets = {}
        with h5py.File(path) as f:
            f.visititems(lambda key, item: datasets.update({key: decoded(item)})
                         if isinstance(item, h5py.Dataset) and item.dtype.kind in "iufb" else None)
        self.assertTrue(datasets, "the file holds datasets of numbers")
        keys = sorted(datasets)
        answer = run_json("stats", *[f"{path}:/{key}".replace("[", "\\[") for key in keys], ranks=3)
        for key, found in zip(keys, answer["datasets"]):
            with self.subTest(dataset=key):
                values = datasets[key]
                self.assertEqual(found["shape"], list(values.shape))
                numbers = values[~np.isnan(values)] if values.dtype.kind == "f" else values.ravel()
                self.assertEqual(found["count"], numbers.size)
                self.assertEqual(found["nan_count"], values.size - numbers.size)
                if numbers.size == 0:
                    continue
                self.assertEqual(found["min"], numbers.min().item())
                self.assertEqual(found["max"], numbers.max().item())
                wide = numbers.astype(np.longdouble)
                scale = float(np.abs(wide).max())
                np.testing.assert_allclose(found["mean"], float(wide.mean()), rtol=1e-12, atol=1e-15 * scale)
                np.testing.assert_allclose(found["std"], float(wide.std()), rtol=1e-10, atol=1e-15 * scale)

    def test_netcdf(self):
        self.compare_all("climate/sst.mnmean.nc")

    def test_openpmd(self):
        self.compare_all("openpmd/example-femm-3d.h5")

    def test_enzo(self):
        self.compare_all("enzo/moving7_0010.cpu0000")

    def test_tables(self):
        self.compare_all("tables/iris.h5")
        self.compare_all("tables/diabetes.h5")

    def test_info_lists_what_h5py_lists(self):
        for name in ("climate/sst.mnmean.nc", "openpmd/example-femm-3d.h5", "enzo/moving7_0010.cpu0000",
                     "tables/iris.h5"):
            path = data_file(name)
            expected = {}
            with h5py.File(path) as f:
                f.visititems(lambda key, item: expected.update(
                    {"/" + key: (list(item.shape), list(item.chunks or []), len(item.attrs))
                     if isinstance(item, h5py.Dataset) else ("group", len(item.attrs))}))
            answer = run_json("info", path, ranks=2)["files"][0]
            found = {}
            for item in answer["objects"]:
                if item["path"] == "/":
                    continue
                found[item["path"]] = (("group", len(item["attributes"])) if item["kind"] == "group" else
                                       (item["shape"], item["chunks"] or [], len(item["attributes"])))
            self.assertEqual(found, expected, name)
            self.assertEqual(answer["bytes"], os.path.getsize(path))
            text = run("info", path)
            self.assertEqual(text.returncode, 0, text.stderr)
            for key in expected:
                self.assertIn(key, text.stdout)

    def test_cells_of_the_sea_by_their_months(self):
        path = data_file("climate/sst.mnmean.nc")
        labels = self.path("labels.h5")
        answer = run_json("kmeans", f"{path}:/sst", "--sample-axes", "1,2", "--missing", "drop", "--clusters", 5,
                          "--labels", labels, ranks=3)
        with h5py.File(path) as f:
            sst = decoded(f["sst"]).astype("f8")
            latitude, longitude = f["lat"][...], f["lon"][...]
        cells = sst.reshape(128, -1).T
        is_sea = np.isfinite(cells).all(axis=1)
        self.assertEqual((answer["rows"], answer["rows_used"]), (89 * 180, int(is_sea.sum())))
        self.assertEqual((answer["features"], answer["clusters"]), (128, 5))
        with h5py.File(labels) as f:
            found = f["labels"]
            self.assertEqual((found.shape, found.dtype), ((89, 180), np.int32))
            values = found[...].ravel()
            np.testing.assert_array_equal(values < 0, ~is_sea)
            np.testing.assert_array_equal(values[~is_sea], -1)
            self.assertEqual([len(dimension) for dimension in found.dims], [1, 1])
            np.testing.assert_array_equal(found.dims[0][0][...], latitude)
            np.testing.assert_array_equal(found.dims[1][0][...], longitude)
            self.assertEqual(found.dims[0][0].attrs["units"], "degrees_north")
        centers = np.array(answer["centers"])
        distances = ((cells[is_sea][:, None, :] - centers[None]) ** 2).sum(axis=2)
        np.testing.assert_array_equal(values[is_sea], distances.argmin(axis=1))
        np.testing.assert_allclose(answer["inertia"], distances.min(axis=1).sum(), rtol=1e-9)
        self.assertEqual(answer["sizes"], np.bincount(values[is_sea], minlength=5).tolist())

    def test_number_of_clusters_by_scikit_learn_s_scores(self):
        from scipy.spatial.distance import cdist
        from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score, silhouette_score

        sst, iris = data_file("climate/sst.mnmean.nc"), data_file("tables/iris.h5")
        with h5py.File(sst) as f:
            cells = decoded(f["sst"]).astype("f8").reshape(128, -1).T
        with h5py.File(iris) as f:
            flowers = f["data"][...].astype("f8")
        labels = self.path("scored.h5")
        for address, samples, options in ((f"{sst}:/sst", cells, ["--sample-axes", "1,2", "--missing", "drop"]),
                                          (f"{iris}:/data", flowers, ["--n-init", 5])):
            answer = run_json("kmeans", address, *options, "--clusters", "2:5", "--silhouette-sample", 20000,
                              "--labels", labels, ranks=2)
            with h5py.File(labels) as f:
                found = f["labels"][...].ravel()
            best = next(fit for fit in answer["fits"] if fit["clusters"] == answer["best_clusters"])
            used = found >= 0
            # scikit-learn's own distances lose digits where samples lie close, as flowers do.
            exact = cdist(samples[used], samples[used])
            for name, score in (("silhouette", silhouette_score(exact, found[used], metric="precomputed")),
                                ("davies_bouldin", davies_bouldin_score(samples[used], found[used])),
                                ("calinski_harabasz", calinski_harabasz_score(samples[used], found[used]))):
                np.testing.assert_allclose(best[name], score, rtol=1e-12, err_msg=name)

    def test_examples_of_the_help(self):
        """The commands that `--help` ends with, as they stand there, on a file of that name."""
        import re
        import shlex
        import shutil

        rng = np.random.default_rng(1)
        with h5py.File(self.path("run.h5"), "w") as f:
            for name in ("u", "v", "x", "fields/u", "fields/v"):
                f[name] = rng.uniform(size=(40, 50))
            f["particles/mass"] = rng.uniform(size=1000)
            f["features"], f["energy"] = rng.normal(size=(300, 3)), rng.normal(size=300)
            f["count"], f["phase"] = rng.poisson(3, 300), rng.integers(0, 3, 300)
        with h5py.File(self.path("grid.h5"), "w") as f:
            f["mask"] = rng.uniform(size=(40, 50)) < 0.5
        with h5py.File(self.path("labels.h5"), "w") as f:
            f["labels"] = rng.integers(0, 4, (40, 50), dtype=np.int32)
        made = run("kmeans", self.path("run.h5:/u"), self.path("run.h5:/v"), "--sample-axes", "all", "--clusters", 2,
                   "--model", self.path("model.h5"))
        self.assertEqual(made.returncode, 0, made.stderr)
        self.assertIsNotNone(shutil.which("mpirun"))
        verbs = ("info", "stats", "histogram", "reduce", "eval", "slice", "take", "sort", "unique", "kmeans", "glm",
                 "linear", "softmax", "predict")
        for verb in ([], *([each] for each in verbs)):
            examples = run(*verb, "--help").stdout.rsplit("Example:\n", 1)[1].strip().splitlines()
            self.assertTrue(examples)
            for example in map(shlex.split, examples):
                ranks = 0
                if example[0] == "mpirun":
                    ranks = int(example[2])
                    example = example[3:]
                self.assertEqual(example[0], "serried")
                with self.subTest(example=example):
                    done = run(*example[1:], ranks=ranks, cwd=self.folder)
                    self.assertEqual(done.returncode, 0, done.stderr)
                    self.assertTrue(re.search(r"\w", done.stdout))


if __name__ == "__main__":
    main()
