"""Generalised linear models against statsmodels and SciPy: every family and link, with offset, weights and trials, at
several numbers of ranks, tiles and threads, which must all give the same bits. SERRIED_TEST_SEED
makes others, SERRIED_TEST_CASES more of them (default 1)."""

import os
import sys
import tempfile
import warnings

try:
    import numpy as np
    import scipy.optimize
    import scipy.special
    import scipy.stats
    import statsmodels.api as sm
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

import case_results
from case_results import parse

RUNNER = os.environ["GLM_RUNNER"]
SEED = int(os.environ.get("SERRIED_TEST_SEED", 1))
TIMES = float(os.environ.get("SERRIED_TEST_CASES", 1))
# ranks, tiles, threads, CPU
RUNS = [(1, 16384, 1, "avx2"), (2, 16384, 2, "avx512"), (3, 16384, 1, ""), (7, 16384, 1, ""), (1, 64, 2, ""),
        (4, 64, 1, ""), (3, 3, 1, "")]
COEFFICIENTS = 1e-8
NUMBERS = 1e-9

links, families = sm.families.links, sm.families
POSITIVE = {"identity": links.Identity(), "log": links.Log(), "inverse": links.InversePower(),
            "inverse_square": links.InverseSquared(), "sqrt": links.Sqrt()}
PROBABILITY = {"logit": links.Logit(), "probit": links.Probit(), "cloglog": links.CLogLog(), "loglog": links.LogLog(),
               "log": links.Log(), "identity": links.Identity()}
LINK_POWERS = (0.3, -0.7, 1.5)
FAMILIES = ("gaussian", "binomial", "poisson", "gamma", "inverse_gaussian", "negative_binomial", "tweedie")
DISPERSED = ("gaussian", "gamma", "inverse_gaussian", "tweedie")
DEFAULT_LINKS = {"gaussian": "identity", "binomial": "logit", "poisson": "log", "gamma": "inverse",
                 "inverse_gaussian": "inverse_square", "negative_binomial": "log", "tweedie": "log"}


class Data:
    """Operands of the cases, as glm_runner reads them."""

    def __init__(self):
        self.lines, self.bytes, self.count = [], b"", 0

    def add(self, array, place="m"):
        array = np.ascontiguousarray(array, float)
        self.count += 1
        self.lines.append(f"operand v{self.count} {','.join(map(str, array.shape))} {place} {len(self.bytes)}")
        self.bytes += array.tobytes()
        return f"v{self.count}"


def family_of(name, link, parameter):
    arguments = {"link": link, "check_link": False}
    if name == "negative_binomial":
        return families.NegativeBinomial(alpha=1 / parameter, **arguments)
    if name == "tweedie":
        return families.Tweedie(var_power=parameter, **arguments)
    return {"gaussian": families.Gaussian, "binomial": families.Binomial, "poisson": families.Poisson,
            "gamma": families.Gamma, "inverse_gaussian": families.InverseGaussian}[name](**arguments)


def draw(rng, name, mean, parameter, trials):
    """Responses with these means; successes of the binomial family."""
    if name == "gaussian":
        return rng.normal(mean, 0.4)
    if name == "binomial":
        return rng.binomial(trials, mean).astype(float)
    if name == "poisson":
        return rng.poisson(mean).astype(float)
    if name == "gamma":
        return rng.gamma(5, mean / 5)
    if name == "inverse_gaussian":
        return rng.wald(mean, 60)
    if name == "negative_binomial":
        return rng.negative_binomial(parameter, parameter / (parameter + mean)).astype(float)
    if parameter > 2:
        return rng.gamma(4, mean / 4)
    dispersion = 0.7
    counts = rng.poisson(mean ** (2 - parameter) / (dispersion * (2 - parameter)))
    shape = (2 - parameter) / (parameter - 1)
    scale = dispersion * (parameter - 1) * mean ** (parameter - 1)
    return np.array([rng.gamma(c * shape, s) if c else 0.0 for c, s in zip(counts, scale)])


class Case:
    """Data, options, and what must come out."""

    def __init__(self, rng, data, name, link_name, link, link_power=None, rows=None, **options):
        self.rng, self.name, self.link = rng, name, link
        rows = rows or int(rng.choice([150, 600, 2500]))
        columns = int(rng.choice([1, 2, 4, 9, 17][: 2 if rows == 150 else 5]))
        self.has_intercept = options.get("has_intercept", True)
        self.parameter = {"negative_binomial": 6.0, "tweedie": options.get("tweedie_power", 1.5)}.get(name, 0)
        # columns of different sizes, some far from 0
        sizes = 10.0 ** rng.integers(-2, 3, columns)
        x = (rng.normal(size=(rows, columns)) + rng.choice([0, 3, -40], columns)) * sizes
        middle = {"binomial": 0.45}.get(name, 4.0)
        centre = link(np.array([middle]))[0]
        # the mean stays within its range on any link
        wide = 0.15 * min(abs(link(np.array([middle * 1.4]))[0] - centre), abs(link(np.array([middle * 0.6]))[0] - centre))
        shape = rng.normal(size=columns) / np.sqrt(columns)
        base = (x / sizes) @ shape
        base = wide * (base - base.mean()) / base.std()
        has_offset = options.get("has_offset", True)
        offset = 0.3 * wide * rng.uniform(-1, 1, rows) if has_offset else np.zeros(rows)
        trials = rng.integers(1, 9, rows).astype(float) if name == "binomial" and options.get("has_trials", True) else None
        self.predictor = centre + base
        mean = link.inverse(self.predictor + offset)
        y = draw(rng, name, mean, self.parameter, 1 if trials is None else trials.astype(int))
        if not self.has_intercept:
            x = np.column_stack([x, 0.5 + rng.uniform(0, 1, rows)])
        if name in ("gamma", "inverse_gaussian") or (name == "tweedie" and self.parameter > 2):
            y = np.maximum(y, 1e-3)
        weights = np.ones(rows)
        self.is_frequency = options.get("frequency", False)
        if options.get("has_weights", True):
            weights = rng.integers(0, 4, rows).astype(float) if self.is_frequency else rng.uniform(0.3, 2, rows)
            weights[0] = 1
        self.x, self.y, self.offset, self.weights, self.trials = x, y, offset, weights, trials
        place = "mf"[int(rng.integers(2))]
        text = f"case {data.add(x, place)} {data.add(y)} family={name} link={link_name}"
        text += " solver=" + ("automatic", "irls", "qr")[data.count % 3]
        if link_power is not None:
            text += f" link_power={link_power!r}"
        if name == "negative_binomial" and not options.get("estimates_theta"):
            text += f" theta={self.parameter!r}"
        if name == "tweedie":
            text += f" tweedie_power={self.parameter!r}"
        if has_offset:
            text += f" offset={data.add(offset)}"
        if options.get("has_weights", True):
            text += f" weights={data.add(weights)}"
        if trials is not None:
            text += f" trials={data.add(trials)}"
        self.text = text + f" has_intercept={int(self.has_intercept)} frequency={int(self.is_frequency)}"
        self.estimates_theta = options.get("estimates_theta", False)

    def design(self):
        return np.column_stack([np.ones(len(self.y)), self.x]) if self.has_intercept else self.x

    def reference(self, parameter, found=None):
        """What statsmodels fits, with columns brought to one size: it inverts by their pseudo-inverse. It halves no
        steps: where it leaves the family's range it begins anew from what was found."""
        used = self.weights > 0
        design = self.design()[used]
        first = int(self.has_intercept)
        self.shift = design[:, first:].mean(axis=0) * first
        self.size = np.sqrt(((design[:, first:] - self.shift) ** 2).mean(axis=0))
        design = np.column_stack([design[:, :first], (design[:, first:] - self.shift) / self.size])
        y, weights = self.y[used], self.weights[used]
        arguments = {"freq_weights": weights} if self.is_frequency else {"var_weights": weights}
        if self.trials is not None:
            y = y / self.trials[used]
            arguments["var_weights"] = self.trials[used] * (1 if self.is_frequency else weights)
        model = sm.GLM(y, design, family=family_of(self.name, self.link, parameter), offset=self.offset[used], **arguments)
        start = np.linalg.lstsq(design, self.predictor[used], rcond=None)[0]
        options = {"tol": 1e-14, "maxiter": 300, "tol_criterion": "params"}
        try:
            return model.fit(start_params=start, **options)
        except ValueError:
            if found is None:
                raise
        start = np.array(found)
        start[:first] += self.shift @ start[first:]
        start[first:] *= self.size
        return model.fit(start_params=start, **options)

    def likelihood(self, mean, deviance, parameter):
        """log L at R's dispersion, by SciPy's densities."""
        used = self.weights > 0
        y, w = self.y[used], self.weights[used]
        stats = scipy.stats
        total = w.sum()
        if self.name == "gaussian":
            if self.is_frequency:
                return (w * stats.norm.logpdf(y, mean, np.sqrt(deviance / total))).sum()
            return stats.norm.logpdf(y, mean, np.sqrt(deviance / len(y) / w)).sum()
        if self.name == "binomial":
            return (w * stats.binom.logpmf(y, 1 if self.trials is None else self.trials[used], mean)).sum()
        if self.name == "poisson":
            return (w * stats.poisson.logpmf(y, mean)).sum()
        dispersion = deviance / total
        if self.name == "gamma":
            return (w * stats.gamma.logpdf(y, 1 / dispersion, scale=mean * dispersion)).sum()
        if self.name == "inverse_gaussian":
            return (w * stats.invgauss.logpdf(y, mean * dispersion, scale=1 / dispersion)).sum()
        if self.name == "negative_binomial":
            return (w * stats.nbinom.logpmf(y, parameter, parameter / (parameter + mean))).sum()
        return np.nan

    def best_theta(self):
        """Theta by maximum likelihood: the root of its score, at the coefficients that are best for it."""
        used = self.weights > 0
        y, w = self.y[used], self.weights[used]

        def score(log_theta):
            t = np.exp(log_theta)
            m = self.reference(t).mu
            psi = scipy.special.digamma
            return (w * (psi(t + y) - psi(t) + np.log(t) + 1 - np.log(t + m) - (y + t) / (m + t))).sum()

        theta = np.exp(scipy.optimize.brentq(score, np.log(0.05), np.log(2000), xtol=1e-13, rtol=1e-14))
        m = self.reference(theta).mu
        psi1 = scipy.special.polygamma
        information = (w * (psi1(1, theta) - psi1(1, theta + y) - 1 / theta + 2 / (m + theta)
                            - (y + theta) / (m + theta) ** 2)).sum()
        return theta, 1 / np.sqrt(information)

    def compare(self, found):
        """What is wrong, by name."""
        table, covariance, numbers = (array for array, _ in found)
        parameter, theta_error = (self.best_theta() if self.estimates_theta else (self.parameter, 0.0))
        reference = self.reference(parameter, table[:, 0])
        first = int(self.has_intercept)
        back = np.eye(len(reference.params))
        back[range(first, len(back)), range(first, len(back))] /= self.size
        if first:
            back[0, 1:] = -self.shift / self.size
        estimates = back @ reference.params
        rows = self.weights.sum() if self.is_frequency else float((self.weights > 0).sum())
        rank = len(estimates)
        df = rows - rank
        dispersion = reference.pearson_chi2 / df if self.name in DISPERSED else 1.0
        wanted_covariance = back @ reference.normalized_cov_params @ back.T * dispersion
        errors = np.sqrt(np.diag(wanted_covariance))
        law = scipy.stats.t(df) if self.name in DISPERSED else scipy.stats.norm
        statistics = estimates / errors
        reach = law.ppf(0.975)
        likelihood = self.likelihood(reference.mu, reference.deviance, parameter)
        parameters = rank + (self.name in DISPERSED or self.estimates_theta)
        # an intercept far from the data, or a coefficient near 0, is known to a part of its error
        wrong = []

        def check(what, got, want, bound, scale=None):
            scale = np.abs(want) if scale is None else scale
            with np.errstate(all="ignore"):
                error = np.max(np.abs(np.asarray(got) - want) / scale)
            if not error <= bound and not np.all(np.isnan(want) & np.isnan(got)):
                wrong.append(f"{what}: {got!r}, not {want!r}: {error:.2g}")

        check("estimates", table[:, 0], estimates, COEFFICIENTS, np.maximum(np.abs(estimates), errors))
        check("errors", table[:, 1], errors, COEFFICIENTS)
        check("covariance", covariance, wanted_covariance, 2 * COEFFICIENTS, np.outer(errors, errors))
        check("statistics", table[:, 2], statistics, COEFFICIENTS, np.maximum(np.abs(statistics), 1))
        p_values = 2 * law.sf(np.abs(table[:, 2]))
        check("p-values", table[:, 3], p_values, 1e-9, np.maximum(p_values, 1e-300))
        check("low", table[:, 4], estimates - reach * errors, COEFFICIENTS, np.abs(estimates) + errors)
        check("high", table[:, 5], estimates + reach * errors, COEFFICIENTS, np.abs(estimates) + errors)
        names = ("deviance", "null_deviance", "pearson", "dispersion", "log_likelihood", "aic", "bic", "df_residual",
                 "df_null", "rank", "rows_used", "iterations", "status", "parameter", "theta_error")
        got = dict(zip(names, numbers))
        near = 1e-7 if self.estimates_theta else NUMBERS
        check("deviance", got["deviance"], reference.deviance, near)
        if self.has_intercept:
            check("null deviance", got["null_deviance"], reference.null_deviance, near)
        check("pearson", got["pearson"], reference.pearson_chi2, near)
        check("dispersion", got["dispersion"], dispersion, near)
        check("log-likelihood", got["log_likelihood"], likelihood, NUMBERS)
        check("aic", got["aic"], -2 * likelihood + 2 * parameters, NUMBERS)
        check("bic", got["bic"], -2 * likelihood + np.log(rows) * parameters, NUMBERS)
        check("df", got["df_residual"], df, 1e-12)
        check("status", got["status"], 0.0, 0, 1)
        check("rows", got["rows_used"], float((self.weights > 0).sum()), 0, 1)
        if self.estimates_theta:
            check("theta", got["parameter"], parameter, 1e-7)
            check("theta's error", got["theta_error"], theta_error, 1e-6)
        return wrong


class RidgeCase(Case):
    """With a penalty: the estimates are where its gradient is 0."""

    def __init__(self, rng, data, name, link_name, link, l2, is_standardized):
        super().__init__(rng, data, name, link_name, link)
        self.l2, self.is_standardized = l2, is_standardized
        self.text += f" l2={l2!r} is_standardized={int(is_standardized)}"

    def compare(self, found):
        table, covariance, numbers = (array for array, _ in found)
        design, b = self.design(), table[:, 0]
        y = self.y if self.trials is None else self.y / self.trials
        w = self.weights * (1 if self.trials is None else self.trials)
        eta = design @ b + self.offset
        mean = self.link.inverse(eta)
        slope = 1 / self.link.deriv(mean)
        variance = family_of(self.name, self.link, self.parameter).variance(mean)
        penalty = np.full(len(b), self.l2)
        penalty[0] = 0
        if self.is_standardized:
            penalty[1:] *= self.x.var(axis=0)
        gradient = design.T @ (w * (y - mean) * slope / variance) - penalty * b
        gram = (design.T * (w * slope**2 / variance)) @ design
        bread = np.linalg.inv(gram + np.diag(penalty))
        rank = len(b)
        dispersion = numbers[2] / (len(y) - rank) if self.name in DISPERSED else 1.0
        wanted = bread @ gram @ bread * dispersion
        step = np.abs(bread @ gradient) / np.maximum(np.abs(b), np.sqrt(np.diag(wanted)))
        wrong = []
        if not np.all(step <= COEFFICIENTS):
            wrong.append(f"estimates {b!r}: the next step is {step!r}")
        errors = np.sqrt(np.diag(wanted))
        if not np.all(np.abs(covariance - wanted) <= 1e-7 * np.outer(errors, errors)):
            wrong.append(f"covariance {covariance!r}, not {wanted!r}")
        if numbers[12] != 0:
            wrong.append(f"status {numbers[12]}")
        return wrong


def make_cases(rng, data):
    cases = []
    for _ in range(max(1, int(TIMES))):
        for name in FAMILIES:
            for link_name, link in (PROBABILITY if name == "binomial" else POSITIVE).items():
                cases.append(Case(rng, data, name, link_name, link))
                cases.append(Case(rng, data, name, link_name, link, frequency=True))
            if name != "binomial":
                for power in LINK_POWERS:
                    cases.append(Case(rng, data, name, "power", links.Power(power=power), link_power=power))
            default = DEFAULT_LINKS[name]
            link = {**POSITIVE, **PROBABILITY}[default]
            cases.append(Case(rng, data, name, default, link, has_offset=False, has_weights=False))
            cases.append(Case(rng, data, name, default, link, has_intercept=False))
            cases.append(RidgeCase(rng, data, name, default, link, 3.0, False))
            cases.append(RidgeCase(rng, data, name, default, link, 20.0, True))
        for power in (1.1, 1.9, 2.5, 3.0):
            cases.append(Case(rng, data, "tweedie", "log", links.Log(), tweedie_power=power))
        cases.append(Case(rng, data, "binomial", "logit", links.Logit(), has_trials=False, rows=2500))
        for options in ({}, {"has_weights": False}, {"frequency": True}):
            cases.append(Case(rng, data, "negative_binomial", "log", links.Log(), estimates_theta=True, rows=2500,
                              **options))
        cases.append(Case(rng, data, "gaussian", "identity", links.Identity(), rows=40000))
    return cases


def run(folder, ranks, tiles, threads, target):
    variables = {"SERRIED_TARGET": target} if target else {}
    return case_results.run(RUNNER, folder, ranks, tiles, threads, 300 * max(1, TIMES), **variables)


def main():
    print(f"SERRIED_TEST_SEED={SEED}", flush=True)
    warnings.simplefilter("ignore")
    data = Data()
    cases = make_cases(np.random.default_rng(SEED), data)
    failures, first = [], {}
    with tempfile.TemporaryDirectory(prefix="serried_glm_") as folder:
        with open(os.path.join(folder, "data"), "wb") as file:
            file.write(data.bytes)
        with open(os.path.join(folder, "cases"), "w", encoding="utf-8") as file:
            file.writelines(line + "\n" for line in data.lines + [case.text for case in cases])
        for setting in RUNS:
            if setting[3] == "avx512" and not has_avx512():
                setting = (*setting[:3], "")
            results, code = run(folder, *setting)
            parsed = parse(results) if code == 0 else []
            if len(parsed) != len(cases):
                failures.append(f"{setting}: {len(parsed)} results of {len(cases)} cases")
                continue
            tiles = setting[1]
            if tiles not in first:
                first[tiles] = parsed
                for case, (found, _) in zip(cases, parsed):
                    wrong = [f"{found[0]}: {found[1]}"] if isinstance(found, tuple) else case.compare(found)
                    failures += [f"{setting}: {case.text}\n    {what}" for what in wrong]
            for case, one, other in zip(cases, first[tiles], parsed):
                if one[1] != other[1]:
                    failures.append(f"{setting}: not the bits of the first run: {case.text}")
    for failure in failures[:60]:
        print(failure)
    print(f"{len(failures)} failures; SERRIED_TEST_SEED={SEED} repeats them" if failures
          else f"{len(cases)} models as statsmodels fits them")
    return 1 if failures else 0


def has_avx512():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return "avx512vl" in file.read()
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(main())
