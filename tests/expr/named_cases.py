"""Expressions that are not drawn by lot: large arrays, precedence as Python's, wrong input."""

import ast
import warnings

import numpy as np
from case_maker import Case
from reductions import reduce


def near(text, want, dtype, ulps=8):
    case = Case(text, np.asarray(want), ulps=ulps)
    case.dtype = np.dtype(dtype)
    return case


def named_cases(rng, pool, maker):
    cases = []
    for operand in pool.large:
        x, name = operand.array, operand.name
        wide = x.astype(np.float64)
        for what in ("sum", "mean", "min", "max", "argmin", "argmax", "std", "count_nonzero"):
            value, bounds, _ = reduce(what, x)
            cases.append(Case(f"{what}({name})", value, bounds=bounds, ulps=2 if value.dtype.kind == "f" else 0))
        if x.dtype != np.float16:
            cases.append(Case(f"max({name} - index({name}, 0) % 7)",
                              np.max(x - np.arange(x.shape[0]).reshape([-1] + [1] * (x.ndim - 1)) % 7)))
        else:
            # a remainder is rounded before the next step takes it
            cases.append(Case(f"sqrt({name} % 63)", np.sqrt(x % np.float16(63))))
        centred = wide - wide.mean()
        if x.dtype == np.float64:
            cases.append(near(f"std({name} - mean({name}))", centred.std(), np.float64, 4096))
            cases.append(near(f"mean({name} * {name}, axis=0)", (wide * wide).mean(axis=0), np.float64, 16))
            cases.append(near(f"mean(square({name} - mean({name}, axis=1, keepdims=true)), axis=-1)",
                              np.square(wide - wide.mean(axis=1, keepdims=True)).mean(axis=1), np.float64, 64))
    for family in pool.families:
        x = pool.choose(family, ("f64",), True)
        y = pool.choose(family, ("f64",), True)
        u, v = np.broadcast_arrays(x.array, y.array)
        if u.size == 0:
            continue
        cases += [near(f"norm({x.name})", np.linalg.norm(x.array.ravel()), np.float64),
                  near(f"norm({x.name}, 1)", np.abs(x.array).sum(), np.float64),
                  near(f"norm({x.name}, 3)", (np.abs(x.array) ** 3).sum() ** (1 / 3), np.float64),
                  near(f"norm({x.name}, inf)", x.array.max(), np.float64),
                  near(f"norm({x.name}, -inf)", x.array.min(), np.float64),
                  near(f"norm({x.name}, 0)", np.count_nonzero(x.array), np.float64)]
        if u.size > 2:
            covariance = np.cov(u.ravel(), v.ravel())
            case = near(f"cov({x.name}, {y.name})", covariance[0, 1], np.float64)
            case.bounds = np.asarray(1e-14)
            cases.append(case)
            if min(x.array.size, y.array.size) > 1:
                correlation = covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1])
                case = near(f"corr({x.name}, {y.name})", correlation, np.float64)
                case.bounds = np.asarray(1e-13)
                cases.append(case)
        if u.ndim and x.array.ndim and y.array.ndim and x.array.shape[-1] == y.array.shape[-1]:
            cases.append(near(f"dot({x.name}, {y.name})", (u * v).sum(axis=-1), np.float64))
    for operand in (pool.families[3][0], pool.families[8][0]):
        for axis in range(operand.array.ndim):
            shape = [1] * operand.array.ndim
            shape[axis] = -1
            index = np.arange(operand.array.shape[axis]).reshape(shape)
            cases.append(Case(f"where({operand.name} == {operand.name}, index({axis}), -1)",
                              np.where(operand.array == operand.array, index, -1)))
    # one i64 product that no i64 holds, one that a zero holds
    for what in ("sum", "mean", "max", "argmin", "std"):
        for axes, text in ((None, ""), ([0], ", axis=0"), ([1], ", axis=1")):
            value, bounds, _ = reduce(what, pool.on_disk, axes)
            cases.append(Case(f"{what}(on_disk{text})", value, bounds=bounds, ulps=2))
    cases.append(Case("on_disk * 2 - index(on_disk, 0)", pool.on_disk * 2 - np.arange(1013)[:, None]))
    cases.append(Case("on_disk - max(on_disk, axis=0)", pool.on_disk - pool.on_disk.max(axis=0)))
    cases.append(Case("pi + e", np.pi + np.e))
    cases.append(Case("2^3^2", np.int64(512)))
    cases.append(Case("-2^2", np.int64(-4)))
    cases.append(Case("2^-1", 0.5))
    cases.append(Case("0xff // 2", np.int64(127)))
    cases.append(Case("1 < 2 < 3", True))
    cases.append(Case("abs(3+4j)", 5.0))
    return cases


METHODS = ["inverted_cdf", "averaged_inverted_cdf", "closest_observation", "interpolated_inverted_cdf", "hazen",
           "weibull", "linear", "median_unbiased", "normal_unbiased", "lower", "higher", "midpoint", "nearest"]
DISCRETE = ["inverted_cdf", "closest_observation", "lower", "higher", "nearest"]


def quantile_case(rng, maker, operand, name, method):
    """One of quantile, percentile and median, and their forms that leave NaN out."""
    x, text = operand.array, operand.name
    is_whole = x.dtype.kind in "biu"
    axes, options = maker.axes_of(x.ndim)
    keepdims = bool(rng.integers(2))
    q = rng.uniform(0, 1, int(rng.integers(1, 4))).tolist() if rng.random() < 0.5 else float(rng.uniform())
    if keepdims:
        options += ", keepdims=true"
    wide = x.astype(np.float64)
    skips = name.startswith("nan")
    which = rng.integers(3)
    if which == 1 and not is_whole:
        # NaN, which wins unless it is left out
        text, wide = f"where({text} > 1, {text}, nan)", np.where(x > 1, wide, np.nan)
    elif which == 2 and not is_whole:
        options, wide, skips = options + f", where={text} > 1", np.where(x > 1, wide, np.nan), True
    percent = [100 * each for each in q] if isinstance(q, list) else 100 * q
    q_text = {"quantile": repr(q), "percentile": repr(percent)}.get(name.removeprefix("nan"))
    if q_text is None:
        q, method = 0.5, "linear"
    else:
        text += ", " + q_text
        spelling = rng.integers(4)
        if spelling == 0:
            text += f", {method}"
        elif spelling < 3:
            options += [f", method={method}", f", method='{method}'"][spelling - 1]
        else:
            method = "linear"
    if "percentile" in name:
        q = np.asarray(percent) / 100
    axis = None if axes is None else tuple(axes)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value = (np.nanquantile if skips else np.quantile)(wide, q, axis=axis, method=method, keepdims=keepdims)
    case = Case(f"{name}({text}{options})", value, ulps=2)
    case.dtype = np.dtype(np.float64) if is_whole and method not in DISCRETE else x.dtype
    return case


def quantile_cases(rng, pool, maker):
    names = [form + name for name in ("quantile", "percentile", "median") for form in ("", "nan")]
    cases = []
    for name in names:
        for method in METHODS:
            family = pool.families[int(rng.integers(2, len(pool.families)))]
            operand = pool.choose(family, ("i8", "u16", "i32", "u64", "f16", "f32", "f64"), True)
            if operand.array.size > 0:
                cases.append(quantile_case(rng, maker, operand, name, method))
    i = next(each.name for each in pool.families[6] if each.name.startswith("ti32_") and each.array.ndim > 1)
    cases += [Case(f"quantile({i}, 0.5, lower, where={i} < 0{axis})", errors=("DataError",))
              for axis in ("", ", axis=0", ", axis=1")]
    cases.append(near(f"quantile({i}, 0.5, where={i} < 0)", np.nan, np.float64))
    return cases


def strength_cases(pool):
    """What is weak and what is not: the dtypes that NumPy gives for the same text."""
    family = pool.families[6]
    names = {kind: pool.choose(family, (kind,), True) for kind in ("f32", "f16", "i8", "c64", "f64")}
    functions = {name: getattr(np, name) for name in
                 ("sqrt", "exp2", "abs", "square", "sign", "floor", "rint", "round", "minimum", "maximum", "clip",
                  "where", "hypot", "real", "imag", "conj", "sum", "max", "mean", "power", "floor_divide",
                  "remainder", "fmod", "float32", "int8", "float64", "pi", "inf", "reciprocal", "negative")}
    functions["complex"] = complex
    numbers = ["2", "-2", "2 * 3", "7 // 2", "7 % 4", "2**3", "2**0.5", "1 / 4", "-pi", "2 * pi", "inf", "~2", "1 << 2",
               "1j", "2j * 1j", "(1 + 2j)", "sqrt(4)", "sqrt(2)", "-sqrt(4)", "1 + sqrt(4)", "2 * (3 - sqrt(4))",
               "abs(-2)", "abs(-2.5)", "square(3)", "sign(-2)", "floor(1.5)", "rint(2.5)", "round(2.5)",
               "minimum(2, 3)", "maximum(2.5, 3)", "clip(5, 0, 3)", "where(1 < 2, 2, 3)", "where(1 < 2, 2.5, 3)",
               "hypot(3, 4)", "real(2j + 1)", "imag(2j)", "conj(2j)", "complex(0, 1)", "complex(1.5, 2)", "sum(2)",
               "max(2.5)", "mean(2)", "power(2, 3)", "floor_divide(7, 2)", "remainder(7, 4)", "fmod(7.5, 4)",
               "float32(2)", "int8(2)", "float64(2)", "reciprocal(4.0)", "exp2(3)", "abs(float32(2))"]
    cases = []
    for kind, operand in names.items():
        for number in numbers:
            with np.errstate(all="ignore"):
                try:
                    known = {**functions, "x": operand.array}
                    value = eval(f"({number}) * x", {"__builtins__": {}}, known)  # noqa: S307
                except TypeError:
                    continue
            cases.append(Case(f"({number}) * {operand.name}", value, ulps=2 if value.dtype.kind in "fc" else 0))
    return cases


def value_of(tree, values):
    """What Python makes of it, but that nothing is left out: the right side of `or` must have a value too."""
    def run(node):
        return eval(compile(ast.Expression(node), "text", "eval"), {"__builtins__": {}}, dict(values))  # noqa: S307

    for node in ast.walk(tree):
        if isinstance(node, (ast.BoolOp, ast.Compare)):
            for part in node.values if isinstance(node, ast.BoolOp) else [node.left, *node.comparators]:
                run(part)
    return run(tree)


def precedence_cases(rng, pool, count):
    """Signs without brackets: what Python makes of the same text."""
    names = "pqrst"
    values = {name: int(rng.integers(1, 9)) for name in names}
    for name, value in values.items():
        pool.add(name, np.asarray(value), True, "r")
    signs = ["+", "-", "*", "//", "%", "/", "<<", ">>", "&", "|", "<", "<=", ">", ">=", "==", "!=", "and", "or",
             "** 2 +", "** 2 *", "^ 2 +"]
    cases = []
    while len(cases) < count:
        text = ""
        for i in range(int(rng.integers(2, 7))):
            if i > 0:
                text += f" {signs[rng.integers(len(signs))]} "
            if rng.random() < 0.1 and (i == 0 or text.endswith(("and ", "or "))):
                text += "not "
            text += ["", "", "", "-", "~", "+"][rng.integers(6)] + names[rng.integers(len(names))]
        try:
            value = value_of(ast.parse(text.replace("^", "**"), mode="eval").body, values)
        except (TypeError, ValueError, ZeroDivisionError, OverflowError):
            continue
        if " and " in text or " or " in text:
            value = bool(value)
        if not isinstance(value, (bool, int, float)) or abs(value) > 2**31:
            continue
        cases.append(Case(text, value, ulps=1 if isinstance(value, float) else 0))
    return cases


def wrong_cases(pool):
    """Texts that are refused on all ranks alike."""
    def operand(family, dtype, condition=lambda shape: True):
        return next(o.name for o in pool.families[family]
                    if o.array.dtype == np.dtype(dtype) and condition(o.array.shape))

    x = operand(3, np.float64, lambda shape: len(shape) == 2)
    other = operand(6, np.float64, lambda shape: shape == (41, 3))
    z = operand(3, np.complex128)
    b = operand(3, np.bool_)
    i = operand(3, np.int8)
    empty = operand(5, np.float64, lambda shape: shape == (5, 0))
    texts = [
        "", " ", "(", ")", "()", "1 +", "+", "* 2", "1 2", f"{x} {x}", f"{x}(", f"({x}", f"{x})", f"{x},", f",{x}",
        f"{x} = 2", f"{x} === 2", "sqrt", "sqrt()", f"sqrt({x}, {x})", f"sqrt {x}", f"sqrt(({x})", "nosuch",
        f"sqr({x})",
        f"{x} @ {x}", f"{x} ? 1 : 2", f"{x}[0]", f"{x}.T", "1..2", "1e", "0x", "0xg", "1e999", "12abc", "3jj", "'a'",
        "\"a\"", "\\", "$x", "#", "`", "{x}", "ä", f"{x} + ä", "€", f"{x} and", f"not", f"and {x}", "1 < ", "< 1",
        f"{x} + {other}", f"where({b}, {x}, {other})", f"where({b}, {x})", f"clip({x}, 1)", f"atan2({x})",
        f"{z} < {z}", f"min({z})", f"max({z})", f"argmin({z})", f"floor({z})", f"{z} % 2", f"{z} // 2", f"f64({z})",
        f"i8({z})", f"cbrt({z})", f"erf({z})", f"atan2({z}, 1)", f"ptp({z})", f"minimum({z}, {z})", f"signbit({z})",
        f"-{b}", f"{b} - {b}", f"sign({b})", f"ptp({b})", f"{x} & 1", f"{x} | {x}", f"~{x}", f"{x} << 1", f"1 >> {x}",
        f"xor({x}, {x})", f"{i} + 300", f"{i} * 128", f"minimum({i}, 1000)", f"clip({i}, 0, 200)",
        f"where({b}, 255, {i})", f"where({b}, {i}, -129)", f"fill_null({i}, 300)",
        f"where({b}, {i}, 400)", f"ldexp({x}, {x})", f"ldexp({x}, 1.5)", f"u8({i} * 0 + 1) + 256",
        f"sum({x}, axis=2)", f"sum({x}, axis=-3)", f"sum({x}, axis=[0, 0])", f"sum({x}, axis=[0, -2])",
        f"sum({x}, axis=0.5)", f"sum({x}, axis={x})", f"sum({x}, axis=[])", f"sum({x}, axis=true)", f"sum({x}, 0)",
        f"sum({x}, keepdims=1)", f"sum({x}, keepdims={b})", f"sum({x}, nosuch=1)", f"sum({x}, weights={x})",
        f"sum({x}, where={other})", f"sum(1, where={x})", f"mean({x}, weights={other})", f"mean({x}, weights={z})",
        f"var({x}, ddof=0.5)", f"var({x}, ddof={x})", f"sum({x}, axis=0, {x})", f"sum(axis=0)", f"min({empty}, axis=1)",
        f"max({empty})", f"argmax({empty})", f"ptp({empty})", f"index(5)", f"index({x}, 2)", f"index({x}, -3)",
        f"index({x}, {x})", f"index()", f"index({x}, 0, 1)", f"index({x}, axis=0)", f"round({x}, 0.5)",
        f"round({x}, {x})", f"round({x}, 400)", f"norm({x}, {x})", f"norm({x}, nan)", f"norm({x}, 1j)",
        f"dot({x}, {other})", f"quantile({x})", f"quantile({x}, 1.5)", f"quantile({x}, -0.1)", f"quantile({x}, nan)",
        f"percentile({x}, 101)", f"quantile({x}, {x})", f"quantile({z}, 0.5)", f"median({x}, 0.5)", f"median([{x}])",
        f"quantile({x}, 0.5, nosuch)", f"quantile({x}, 0.5, 'linear', 2)", f"quantile({x}, 0.5, method=1)",
        f"quantile({x}, 0.5, method='linear)", f"quantile({x}, 0.5, axis=2)", f"median({empty}, axis=1)",
        f"median({x}, method=lower)", f"sum({x}, 'linear')", f"quantile([{x}], 0.5)", f"quantile({x}, [0.5, {x}])",
        f"median({x}, weights={x})",
        f"cov({x}, {z})", f"corr({x}, {other})", f"isclose({x}, {x}, {x})", f"isclose({x})", f"complex({z}, {x})",
        f"[{x}]", f"sum([{x}])", f"sum({x}, axis=(0,1)", "(" * 500 + "1" + ")" * 500, "-" * 500 + "1",
        "not " * 500 + "1", "2^" * 500 + "1", "sqrt(" * 300 + "1" + ")" * 300,
        "9" * 400, "u8(300)", "u8(-1)", "i8(1e10)", "i32(nan)", "u64(-0.5 - 1)",
    ]
    return [Case(text, errors=("InvalidArgument",)) for text in texts if "\t" not in text and "\n" not in text]
