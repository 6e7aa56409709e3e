"""`serried predict --y`: scores of predictions against scikit-learn, with ties, weights, NaN, one class, few rows; the
same bytes at several numbers of ranks; what is wrong with observations."""

import os
import sys

from support import SKIPPED, CommandTest, main, need_oracles, run, run_json, without_seconds

need_oracles()
try:
    from sklearn import metrics
    from sklearn.calibration import calibration_curve
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(SKIPPED)
import h5py
import numpy as np

ROWS = 4000


class Scores(CommandTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.file = os.path.join(cls.folder, "data.h5")
        rng = np.random.default_rng(3)
        # few different values, so that probabilities are equal in many rows
        cls.x = np.round(rng.normal(size=(ROWS, 3)), 1)
        eta = cls.x @ [1, -0.5, 0.3]
        cls.y = {
            "binary": (rng.uniform(size=ROWS) < 1 / (1 + np.exp(-eta))).astype("i4"),
            "numbers": eta + rng.normal(size=ROWS),
            "others": np.exp(0.3 * eta) * rng.gamma(2, size=ROWS),
            "classes": 3 * ((eta > -0.5).astype("i8") + (eta + rng.normal(size=ROWS) > 0.5)) - 2,
            "weights": rng.uniform(0, 2, ROWS) * (rng.uniform(size=ROWS) > 0.1),
            "zeros": np.zeros(ROWS),
        }
        cls.y["both"] = np.stack([cls.y["numbers"], cls.y["others"]], axis=1)
        cls.hole = cls.y["numbers"].copy()
        cls.hole[[5, 3999]] = np.nan
        cls.models = {}
        with h5py.File(cls.file, "w") as file:
            file["x"], file["few"], file["none"] = cls.x, cls.x[:2], cls.x[:0]
            for name, values in cls.y.items():
                file[name] = values
                file[f"few_{name}"], file[f"none_{name}"] = values[:2], values[:0]
            file["hole"] = cls.hole
        for verb, name, *more in (("glm", "binary", "--family", "binomial"), ("linear", "both"), ("softmax", "classes"),
                                  ("glm", "others", "--family", "gamma", "--link", "log")):
            cls.models[name] = os.path.join(cls.folder, f"{name}_model.h5")
            done = run(verb, "--x", f"{cls.file}:/x", "--y", f"{cls.file}:/{name}", "--model", cls.models[name], *more)
            assert done.returncode == 0, done.stderr

    def at(self, name):
        return f"{self.file}:/{name}"

    def scores(self, name, *more, x="x", y=None, ranks=2):
        return run_json("predict", self.models[name], self.at(x), "--y", self.at(y or name), *more, ranks=ranks)["scores"]

    def predicted(self, name):
        path = self.path(f"{name}_predictions.h5")
        if not os.path.exists(path):
            run_json("predict", self.models[name], self.at("x"), "--predictions", path)
        with h5py.File(path) as file:
            return {key: item[...] for key, item in file.items()}

    def near(self, got, want, bound=1e-12):
        np.testing.assert_allclose(np.asarray(got, float), want, rtol=bound, atol=1e-14)

    def test_probabilities(self):
        y, p = self.y["binary"], self.predicted("binary")["mean"]
        self.assertLess(len(np.unique(p)), ROWS - 100)
        for weights in (None, self.y["weights"]):
            got = self.scores("binary", *([] if weights is None else ["--weights", self.at("weights")]))
            used = np.ones(ROWS, bool) if weights is None else weights > 0
            self.assertEqual((got["rows"], got["rows_missing"]), (used.sum(), 0))
            self.near(got["log_loss"], metrics.log_loss(y, p, sample_weight=weights))
            self.near(got["brier"], metrics.brier_score_loss(y, p, sample_weight=weights))
            self.near(got["accuracy"], metrics.accuracy_score(y, p > 0.5, sample_weight=weights))
            self.near(got["auc"], metrics.roc_auc_score(y, p, sample_weight=weights))
            self.near(got["confusion"], metrics.confusion_matrix(y, p > 0.5, sample_weight=weights))
            self.assertEqual(sum(bin["rows"] for bin in got["calibration"]), used.sum())
            if weights is None:
                shares, means = calibration_curve(y, p, n_bins=10)
                filled = [bin for bin in got["calibration"] if bin["rows"]]
                self.near([bin["observed"] for bin in filled], shares)
                self.near([bin["mean_probability"] for bin in filled], means)

    def test_numbers(self):
        p = self.predicted("both")["mean"]
        for weights in (None, self.y["weights"]):
            both = self.scores("both", *([] if weights is None else ["--weights", self.at("weights")]), ranks=3)
            self.assertEqual([got["name"] for got in both], ["y0", "y1"])
            for k, got in enumerate(both):
                y = self.y["both"][:, k]
                self.near(got["r2"], metrics.r2_score(y, p[:, k], sample_weight=weights))
                self.near(got["rmse"]**2, metrics.mean_squared_error(y, p[:, k], sample_weight=weights))
                self.near(got["mean_absolute_error"], metrics.mean_absolute_error(y, p[:, k], sample_weight=weights))
                used = slice(None) if weights is None else weights > 0
                self.near(got["max_error"], metrics.max_error(y[used], p[used, k]))
        y, p = self.y["others"], self.predicted("others")["mean"]
        self.near(self.scores("others")[0]["r2"], metrics.r2_score(y, p))
        got = self.scores("others", y="hole")[0]
        left = ~np.isnan(self.hole)
        self.assertEqual((got["rows"], got["rows_missing"]), (ROWS - 2, 2))
        self.near(got["rmse"]**2, metrics.mean_squared_error(self.hole[left], p[left]))
        self.assertIsNone(self.scores("others", y="zeros")[0]["r2"])

    def test_classes(self):
        y, got_rows = self.y["classes"], self.predicted("classes")
        for weights in (None, self.y["weights"]):
            got = self.scores("classes", *([] if weights is None else ["--weights", self.at("weights")]))
            self.near(got["accuracy"], metrics.accuracy_score(y, got_rows["classes"], sample_weight=weights))
            self.near(got["confusion"], metrics.confusion_matrix(y, got_rows["classes"], sample_weight=weights))
            self.near(got["log_loss"], metrics.log_loss(y, got_rows["probabilities"], sample_weight=weights))

    def test_one_class_and_few_rows(self):
        got = self.scores("binary", y="zeros")
        self.assertIsNone(got["auc"])
        self.assertEqual(got["confusion"][1], [0, 0])
        for name in self.models:
            self.assertTrue(self.scores(name, x="few", y=f"few_{name}", ranks=4), name)

    def test_same_bits_at_every_number_of_ranks(self):
        for name in self.models:
            for more in ((), ("--weights", self.at("weights"))):
                answers = [without_seconds(run_json("predict", self.models[name], self.at("x"), "--y", self.at(name), *more,
                                                    "--threads", threads, ranks=ranks))
                           for ranks, threads in ((0, 1), (2, 2), (3, 1), (4, 1), (7, 1))]
                for answer in answers[1:]:
                    self.assertEqual(answer, answers[0], name)

    def test_texts_and_pages(self):
        for name, parts in (("binary", ("area under the ROC curve", "Brier score")), ("classes", ("accuracy", "predicted")),
                            ("both", ("scores of y1", "R squared"))):
            page = self.path(f"{name}.html")
            done = run("predict", self.models[name], self.at("x"), "--y", self.at(name), "--report", page, ranks=2)
            self.assertEqual(done.returncode, 0, done.stderr)
            for part in parts:
                self.assertIn(part, done.stdout)
            with open(page, encoding="utf-8") as file:
                text = file.read()
            self.assertIn("Scores", text)
            self.assertEqual(name == "binary", "ROC curve" in text)
            self.assertEqual(name == "classes", "Confusion matrix" in text)

    def test_what_is_wrong_is_said(self):
        x = self.at("x")
        cases = [
            (3, "of y is ", "predict", self.models["binary"], x, "--y", self.at("numbers")),
            (3, "of y is 0; that is none of the classes", "predict", self.models["classes"], x, "--y", self.at("zeros")),
            (2, "has 1 responses by row, the model has 2", "predict", self.models["both"], x, "--y", self.at("numbers")),
            (3, "of weights is -", "predict", self.models["binary"], x, "--y", self.at("binary"), "--weights",
             self.at("numbers")),
            (2, "--weights has no use without --y", "predict", self.models["binary"], x, "--weights", self.at("weights")),
            (3, "none of 4000 rows can be scored", "predict", self.models["others"], x, "--y", self.at("others"), "--weights",
             self.at("zeros")),
            (3, "there are no rows to score", "predict", self.models["others"], self.at("none"), "--y",
             self.at("none_others")),
            (3, "responses for each row are needed", "predict", self.models["others"], x, "--y", self.at("few_others")),
        ]
        for ranks in (0, 3):
            for code, text, *arguments in cases:
                self.check_refused(code, text, *arguments, ranks=ranks)


if __name__ == "__main__":
    main()
