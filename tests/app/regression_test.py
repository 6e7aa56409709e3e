"""`serried glm`, `serried linear`, and `serried predict` with their models, against statsmodels and NumPy: coefficients,
errors, residuals, leverage, predictions; the same bytes at several numbers of ranks; what is wrong with data."""

import os
import sys
import warnings

from support import SKIPPED, CommandTest, main, need_oracles, run, run_json, without_seconds

need_oracles()
try:
    import statsmodels.api as sm
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(SKIPPED)
import h5py
import numpy as np

warnings.simplefilter("ignore")
ROWS = 3000
FAMILIES = {
    "gaussian": (sm.families.Gaussian(), "identity"),
    "binomial": (sm.families.Binomial(sm.families.links.Probit()), "probit"),
    "poisson": (sm.families.Poisson(), "log"),
    "gamma": (sm.families.Gamma(sm.families.links.Log()), "log"),
    "inverse_gaussian": (sm.families.InverseGaussian(sm.families.links.Log()), "log"),
}


def datasets(path):
    with h5py.File(path) as file:
        return {name: item[...] for name, item in file.items()}


class Regression(CommandTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.file = os.path.join(cls.folder, "data.h5")
        rng = np.random.default_rng(5)
        cls.x = rng.normal(size=(ROWS, 3)) + [0, 5, -20]
        eta = 0.2 + (cls.x - [0, 5, -20]) @ [0.5, -0.3, 0.2]
        cls.weights, cls.offset = rng.uniform(0.5, 2, ROWS), rng.uniform(-0.1, 0.1, ROWS)
        mean = np.exp(eta)
        cls.responses = {
            "gaussian": eta + rng.normal(size=ROWS) * (0.5 + (cls.x[:, 0] > 0)),
            "binomial": (rng.uniform(size=ROWS) < 1 / (1 + np.exp(-eta))).astype("i4"),
            "poisson": rng.poisson(mean),
            "gamma": rng.gamma(4, mean / 4),
            "inverse_gaussian": rng.wald(mean, 20),
        }
        cls.grid = rng.normal(size=(2, 40, 50))
        with h5py.File(cls.file, "w") as file:
            file.create_dataset("x", data=cls.x).attrs["column_names"] = "alpha\nbeta\ngamma"
            for j, name in enumerate(("a", "b", "c")):
                file[name] = cls.x[:, j]
            for name, values in cls.responses.items():
                file[name] = values
            file["weights"], file["offset"] = cls.weights, cls.offset
            file["both"] = np.stack([cls.responses["gaussian"], cls.responses["gamma"]], axis=1)
            file["narrow"] = cls.x.astype("f4")
            file["fields"], file["map"] = cls.grid, 1 + cls.grid[0] - 2 * cls.grid[1] + 0.1 * rng.normal(size=(40, 50))
            hole = cls.x.copy()
            hole[17, 1] = np.nan
            file["hole"] = hole
            shares = np.exp(np.stack([0 * eta, eta, 0.5 - eta], axis=1))
            cls.classes = (rng.uniform(size=(ROWS, 1)) * shares.sum(axis=1, keepdims=True) >
                           np.cumsum(shares, axis=1)).sum(axis=1)
            file["classes"] = 10 * cls.classes - 5
            file["separated"] = (cls.x[:, 0] > 0).astype("f8")

    def at(self, name):
        return f"{self.file}:/{name}"

    def near(self, got, want, bound, what, scale=None):
        got, want = np.asarray(got, float), np.asarray(want, float)
        scale = np.abs(want) if scale is None else scale
        self.assertEqual(got.shape, want.shape, what)
        error = np.max(np.abs(got - want) / scale)
        self.assertLessEqual(error, bound, f"{what}: {got} is not {want}")

    def fitted(self, family, **options):
        return sm.GLM(self.responses[family], sm.add_constant(self.x), family=FAMILIES[family][0], offset=self.offset,
                      var_weights=self.weights).fit(tol=1e-13, tol_criterion="params", maxiter=200, **options)

    def glm(self, family, *more, **options):
        return run_json("glm", "--x", self.at("x"), "--y", self.at(family), "--family", family, "--link",
                        FAMILIES[family][1], "--weights", self.at("weights"), "--offset", self.at("offset"), *more,
                        **options)

    def test_models_residuals_and_predictions_are_those_of_statsmodels(self):
        for family in FAMILIES:
            model, residuals = self.path(f"{family}.h5"), self.path(f"{family}_residuals.h5")
            answer = self.glm(family, "--model", model, "--residuals", residuals, ranks=2)
            want = self.fitted(family)
            found = answer["coefficients"]
            self.assertEqual([c["name"] for c in found], ["(Intercept)", "alpha", "beta", "gamma"])
            self.assertTrue(answer["converged"])
            for key, values in (("estimate", want.params), ("std_error", want.bse)):
                self.near([c[key] for c in found], values, 1e-8, f"{family} {key}",
                          np.maximum(np.abs(values), want.bse))
            for key, value in (("deviance", want.deviance), ("null_deviance", want.null_deviance),
                               ("df_residual", want.df_resid), ("pearson", want.pearson_chi2)):
                self.near(answer[key], value, 1e-9, f"{family} {key}")
            if answer["nonfinite_count"]:
                self.fail(f"{family}: {answer}")

            by_row = datasets(residuals)
            h = want.get_hat_matrix_diag(observed=False)
            size = np.abs(want.resid_pearson).max()
            for name, values, bound in (
                    ("predictor", want.family.link(want.mu), 1e-8), ("mean", want.mu, 1e-8),
                    ("response_residual", want.resid_response, 1e-8), ("pearson_residual", want.resid_pearson, 1e-8),
                    ("deviance_residual", want.resid_deviance, 1e-7), ("working_residual", want.resid_working, 1e-8),
                    ("leverage", h, 1e-8),
                    ("cooks_distance", want.resid_pearson**2 * h / ((1 - h)**2 * answer["dispersion"] * 4), 1e-7)):
                self.near(by_row[name], values, bound, f"{family} {name}", np.abs(values) + 1e-3 * size)

            out = self.path(f"{family}_predictions.h5")
            told = run_json("predict", model, self.at("x"), "--offset", self.at("offset"), "--predictions", out, ranks=3)
            got = datasets(out)
            summary = want.get_prediction(sm.add_constant(self.x), offset=self.offset).summary_frame()
            self.near(got["mean"], summary["mean"], 1e-8, f"{family} predicted means")
            linear = want.get_prediction(sm.add_constant(self.x), offset=self.offset, which="linear").summary_frame()
            self.near(got["std_error"], linear.iloc[:, 1], 1e-8, f"{family} errors of predictors")
            self.near(told["targets"][0]["mean"], summary["mean"].mean(), 1e-9, "mean of the means")
            if family == "binomial":
                self.near(got["low"], summary["mean_ci_lower"], 1e-7, f"{family} low")
                self.near(got["high"], summary["mean_ci_upper"], 1e-7, f"{family} high")

    def test_gradients_alone(self):
        model, out, page = self.path("lbfgs.h5"), self.path("lbfgs_predictions.h5"), self.path("lbfgs.html")
        answer = self.glm("poisson", "--solver", "lbfgs", "--model", model, "--report", page, ranks=2)
        want = self.fitted("poisson")
        self.assertEqual((answer["solver"], answer["converged"]), ("lbfgs", True))
        self.near([c["estimate"] for c in answer["coefficients"]], want.params, 1e-5, "estimates", want.bse)
        self.assertIsNone(answer["coefficients"][1]["std_error"])
        self.near(answer["deviance"], want.deviance, 1e-9, "deviance")
        run_json("predict", model, self.at("x"), "--offset", self.at("offset"), "--predictions", out, ranks=3)
        got = datasets(out)
        self.near(got["mean"], want.mu, 1e-6, "means")
        self.assertTrue(np.isnan(got["std_error"]).all() and np.isnan(got["low"]).all())
        with open(page, encoding="utf-8") as file:
            self.assertIn("Normal Q-Q plot", file.read())
        done = run("glm", "--x", self.at("x"), "--y", self.at("poisson"), "--solver", "lbfgs", "--robust", "hc1")
        self.assertEqual(done.returncode, 2)
        self.assertIn("lbfgs gives no standard errors", done.stderr)

    def test_robust_errors(self):
        design = sm.add_constant(self.x)
        for kind in ("hc0", "hc1", "hc2", "hc3"):
            got = run_json("glm", "--x", self.at("x"), "--y", self.at("gaussian"), "--robust", kind)
            want = sm.OLS(self.responses["gaussian"], design).fit(cov_type=kind.upper())
            self.near([c["std_error"] for c in got["coefficients"]], want.bse, 1e-8, kind)
        for kind in ("hc0", "hc1"):
            got = run_json("glm", "--x", self.at("x"), "--y", self.at("poisson"), "--family", "poisson", "--robust", kind)
            want = sm.GLM(self.responses["poisson"], design, family=sm.families.Poisson()).fit(
                tol=1e-13, tol_criterion="params", cov_type=kind.upper())
            # statsmodels does not correct a GLM's hc1; R's sandwich does
            size = np.sqrt(ROWS / (ROWS - 4)) if kind == "hc1" else 1
            self.near([c["std_error"] for c in got["coefficients"]], want.bse * size, 1e-7, kind)

    def test_least_squares(self):
        model = self.path("linear.h5")
        answer = run_json("linear", "--x", self.at("x"), "--y", self.at("both"), "--weights", self.at("weights"), "--model",
                          model, ranks=3)
        design = sm.add_constant(self.x)
        for k, name in enumerate(("gaussian", "gamma")):
            want = sm.WLS(self.responses[name], design, weights=self.weights).fit()
            target = answer["targets"][k]
            self.assertEqual(target["name"], f"y{k}")
            for key, values in (("estimate", want.params), ("std_error", want.bse), ("statistic", want.tvalues)):
                self.near([c[key] for c in target["coefficients"]], values, 1e-9, key, np.abs(values) + 1e-3)
            for key, value in (("r2", want.rsquared), ("adjusted_r2", want.rsquared_adj), ("f_statistic", want.fvalue),
                               ("residual_std", np.sqrt(want.scale)), ("log_likelihood", want.llf)):
                self.near(target[key], value, 1e-9, key)
            # R counts the variance as a parameter
            self.near(target["aic"], want.aic + 2, 1e-9, "aic")
            out = self.path("linear_predictions.h5")
            run_json("predict", model, self.at("x"), "--predictions", out, ranks=2)
            frame = want.get_prediction(design).summary_frame()
            got = datasets(out)
            for key, column in (("mean", "mean"), ("std_error", "mean_se"), ("low", "mean_ci_lower"),
                                ("high", "mean_ci_upper")):
                self.near(got[key][:, k], frame[column], 1e-8, key, np.abs(frame[column]) + 1e-3)
        with h5py.File(model) as file:
            self.assertEqual(file.attrs["model"], "linear")
            self.assertEqual(file.attrs["names"].split("\n")[:-1], ["(Intercept)", "alpha", "beta", "gamma"])
            self.near(file["unscaled_covariance"][...], np.linalg.inv(design.T * self.weights @ design), 1e-8, "covariance")
            root = file["covariance_root"][...]
            self.near(root @ root.T, file["unscaled_covariance"][...], 1e-9, "root")

    def test_classes(self):
        model, out = self.path("softmax.h5"), self.path("probabilities.h5")
        design = sm.add_constant(self.x)
        want = sm.MNLogit(self.classes, design).fit(disp=False, method="newton", tol=1e-14, maxiter=100)
        answer = run_json("softmax", "--x", self.at("x"), "--y", self.at("classes"), "--model", model, ranks=3)
        self.assertEqual(answer["classes"], [-5, 5, 15])
        self.assertTrue(answer["converged"])
        found = answer["coefficients"]
        self.near([[c["estimate"] for c in each] for each in found], want.params.T, 1e-8, "estimates",
                  np.abs(want.params.T) + want.bse.T)
        self.near([[c["std_error"] for c in each] for each in found], want.bse.T, 1e-8, "errors")
        self.near([[c["p_value"] for c in each] for each in found], want.pvalues.T, 1e-7, "p values",
                  want.pvalues.T + 1e-200)
        for key, value in (("log_likelihood", want.llf), ("null_log_likelihood", want.llnull), ("aic", want.aic),
                           ("bic", want.bic), ("pseudo_r2", want.prsquared)):
            self.near(answer[key], value, 1e-9, key)
        told = run_json("predict", model, self.at("x"), "--predictions", out, ranks=2)
        self.assertEqual([each["name"] for each in told["targets"]], ["-5", "5", "15"])
        got, probabilities = datasets(out), want.predict(design)
        self.near(got["probabilities"], probabilities, 1e-8, "probabilities")
        self.near(got["classes"], 10.0 * probabilities.argmax(axis=1) - 5, 0, "classes", 1)
        several = run_json("softmax", "--x", self.at("x"), "--y", self.at("classes"), "--solver", "lbfgs")
        self.near([[c["estimate"] for c in each] for each in several["coefficients"]], want.params.T, 1e-5, "lbfgs",
                  want.bse.T)
        self.assertIsNone(several["coefficients"][0][0]["std_error"])
        first = without_seconds(answer)
        for ranks, threads in ((0, 1), (2, 2), (4, 1), (7, 1)):
            self.assertEqual(without_seconds(run_json("softmax", "--x", self.at("x"), "--y", self.at("classes"),
                                                      "--threads", threads, ranks=ranks)), first)
        page = self.path("softmax.html")
        done = run("softmax", "--x", self.at("x"), "--y", self.at("classes"), "--report", page)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("Class 15", done.stdout)
        self.assertTrue(os.path.exists(page))

    def test_columns_and_their_names(self):
        plain = run_json("linear", "--x", self.at("x"), "--y", self.at("gaussian"))
        beside = run_json("linear", "--x", self.at("a"), self.at("b"), "--x", self.at("c"), "--y", self.at("gaussian"),
                          ranks=2)
        names = [c["name"] for c in beside["targets"][0]["coefficients"]]
        self.assertEqual(names, ["(Intercept)", "a", "b", "c"])
        for one, other in zip(plain["targets"][0]["coefficients"], beside["targets"][0]["coefficients"]):
            self.assertEqual(one["estimate"], other["estimate"])
        narrow = run_json("linear", "--x", self.at("narrow"), "--y", self.at("gaussian"), self.at("gamma"))
        self.assertEqual([c["name"] for c in narrow["targets"][0]["coefficients"]], ["(Intercept)", "x0", "x1", "x2"])
        self.assertEqual([t["name"] for t in narrow["targets"]], ["gaussian", "gamma"])

    def test_rows_on_a_grid(self):
        model, out = self.path("grid.h5"), self.path("grid_predictions.h5")
        got = run_json("glm", "--x", self.at("fields"), "--sample-axes", "1,2", "--y", self.at("map"), "--model", model,
                       ranks=2)
        want = sm.OLS(datasets(self.file)["map"].ravel(), sm.add_constant(self.grid.reshape(2, -1).T)).fit()
        self.near([c["estimate"] for c in got["coefficients"]], want.params, 1e-9, "estimates")
        run_json("predict", model, self.at("fields"), "--sample-axes", "1,2", "--predictions", out, ranks=3)
        self.near(datasets(out)["mean"], want.fittedvalues.reshape(40, 50), 1e-9, "map", 1)
        alone = run_json("linear", "--x", self.at("fields"), "--sample-axes", "1,2", "--y", self.at("map"))
        self.near([c["estimate"] for c in alone["targets"][0]["coefficients"]], want.params, 1e-9, "estimates")

    def test_same_bits_at_every_number_of_ranks(self):
        first = None
        for ranks, threads in ((0, 1), (2, 2), (3, 1), (4, 1), (7, 1)):
            residuals, model = self.path(f"bits_{ranks}.h5"), self.path(f"bits_model_{ranks}.h5")
            answer = without_seconds(self.glm("poisson", "--robust", "hc3", "--residuals", residuals, "--model", model,
                                              "--threads", threads, ranks=ranks))
            linear = without_seconds(run_json("linear", "--x", self.at("x"), "--y", self.at("both"), ranks=ranks))
            found = (answer, linear, {name: values.tobytes() for name, values in
                                      {**datasets(residuals), **datasets(model)}.items()})
            first = first or found
            self.assertEqual(found, first, ranks)
        self.assertEqual(without_seconds(self.glm("poisson", "--robust", "hc3", "--memory", "40M", ranks=2)), first[0])

    def test_texts_and_pages(self):
        page = self.path("glm.html")
        done = run("glm", "--x", self.at("x"), "--y", self.at("separated"), "--family", "binomial", "--report", page)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("Not converged: perfect separation", done.stdout)
        self.assertIn("the fit has not converged: perfect separation", done.stderr)
        with open(page, encoding="utf-8") as file:
            text = file.read()
        for part in ("Coefficients", "alpha", "Not converged", "residual deviance"):
            self.assertIn(part, text)
        done = run("linear", "--x", self.at("x"), "--y", self.at("gaussian"), "--report", self.path("linear.html"), ranks=2)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("Multiple R-squared", done.stdout)

    def test_plots_of_residuals(self):
        """Also of fits with nothing left to vary: as many rows as coefficients, a constant, one row, none that vary."""
        with h5py.File(self.path("small.h5"), "w") as file:
            file["x"], file["y"] = self.x[:4], self.responses["gaussian"][:4]
            file["one"], file["y_one"] = self.x[:1], self.responses["gaussian"][:1]
            file["flat"] = np.ones(4)
        small = self.path("small.h5")
        cases = [("glm", self.at("x"), self.at(family), ["--family", family, "--link", FAMILIES[family][1]], True)
                 for family in FAMILIES]
        cases += [("linear", self.at("x"), self.at("both"), ["--weights", self.at("weights")], True),
                  ("linear", self.at("x"), self.at("gaussian"), ["--l2", "3"], True),
                  ("glm", f"{small}:/x", f"{small}:/y", [], None), ("linear", f"{small}:/x", f"{small}:/y", [], None),
                  ("glm", f"{small}:/one", f"{small}:/y_one", [], None), ("glm", f"{small}:/x", f"{small}:/flat", [], None),
                  ("linear", f"{small}:/one", f"{small}:/y_one", [], None)]
        for ranks in (1, 3):
            for verb, x, y, more, has_plots in cases:
                page = self.path("plots.html")
                done = run(verb, "--x", x, "--y", y, *more, "--report", page, ranks=ranks)
                self.assertEqual(done.returncode, 0, f"{verb} {y} {more}\n{done.stderr}")
                with open(page, encoding="utf-8") as file:
                    text = file.read()
                if has_plots:
                    self.assertIn("Residuals by fitted value", text)
                    self.assertIn("Normal Q-Q plot", text)
                self.assertEqual("ROC curve" in text, "binomial" in more, f"{verb} {y}")
                self.assertNotIn(">nan<", text)

    def test_what_is_wrong_is_said(self):
        x, out = self.at("x"), self.path("none.h5")
        model = self.path("kinds.h5")
        run_json("linear", "--x", x, "--y", self.at("gaussian"), "--model", model)
        cases = [
            (3, "row 17 has NaN or Inf in column 1", "glm", "--x", self.at("hole"), "--y", self.at("gaussian")),
            (3, "row 17 has NaN or Inf in column 1", "linear", "--x", self.at("hole"), "--y", self.at("gaussian")),
            (3, "the binomial family needs 0 or 1", "glm", "--x", x, "--y", self.at("gamma"), "--family", "binomial"),
            (3, "one number for each row is needed", "glm", "--x", x, "--y", self.at("both")),
            (3, "responses for each row are needed", "linear", "--x", x, "--y", self.at("map")),
            (2, "the gaussian family has no logit link", "glm", "--x", x, "--y", x, "--link", "logit"),
            (2, "--link-power has no use without", "glm", "--x", x, "--y", x, "--link-power", "2"),
            (2, "--link power needs its exponent", "glm", "--x", x, "--y", x, "--link", "power"),
            (2, "--theta has no use without", "glm", "--x", x, "--y", x, "--theta", "2"),
            (2, "--trials has no use without", "glm", "--x", x, "--y", x, "--trials", x),
            (2, "--y: glm takes one response", "glm", "--x", x, "--y", x, x),
            (2, "--x is required", "glm", "--y", x),
            (2, "name the same file", "glm", "--x", x, "--y", self.at("gaussian"), "--model", out, "--residuals", out),
            (2, "--picture has no use with glm", "glm", "--x", x, "--y", x, "--picture", "p.png"),
            (2, "is of linear, whose --predictions", "predict", model, x, "--labels", out),
            (2, "--offset has no use with a model of linear", "predict", model, x, "--offset", self.at("offset")),
            (2, "has 1 columns, the model was fitted to 3", "predict", model, self.at("a")),
            (3, "classes are whole numbers", "softmax", "--x", x, "--y", self.at("gamma")),
            (2, "--y: softmax takes one dataset", "softmax", "--x", x, "--y", x, x),
            (2, "--picture has no use with softmax", "softmax", "--x", x, "--y", x, "--picture", "p.png"),
            (3, "holds no model", "predict", self.file, x),
        ]
        for ranks in (0, 2):
            for code, text, *arguments in cases:
                self.check_refused(code, text, *arguments, ranks=ranks)
                self.assertFalse(os.path.exists(out))

    def test_damaged_models(self):
        model = self.path("whole.h5")
        run_json("glm", "--x", self.at("x"), "--y", self.at("gaussian"), "--model", model)

        def damaged(change, text):
            path = self.path("damaged.h5")
            with open(model, "rb") as source, open(path, "wb") as target:
                target.write(source.read())
            with h5py.File(path, "r+") as file:
                change(file)
            for ranks in (0, 2):
                done = run("predict", path, self.at("x"), ranks=ranks)
                self.assertEqual(done.returncode, 3, done.stderr)
                self.assertIn(text, done.stderr)

        def replace(file):
            del file["estimates"]
            file["estimates"] = np.zeros(3)

        damaged(lambda file: file.attrs.__setitem__("family", "normal"), "its family is 'normal'")
        damaged(lambda file: file.attrs.__delitem__("deviance"), "has no attribute 'deviance'")
        damaged(replace, "/estimates is (3,), not (4,)")
        damaged(lambda file: file.attrs.__setitem__("names", ""), "it has 0 coefficients")
        damaged(lambda file: file.attrs.__setitem__("rows", -1), "its attribute 'rows' is -1")


if __name__ == "__main__":
    main()
