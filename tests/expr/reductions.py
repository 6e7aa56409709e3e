"""Reductions from their definitions: exact sums, long doubles for moments. Each result has a bound for its error."""

import math

import numpy as np

SUMS = ["sum", "prod", "mean", "average", "var", "std"]
EXACT = ["min", "max", "amin", "amax", "ptp", "argmin", "argmax", "any", "all", "count_nonzero", "count"]
HAS_NAN_FORM = ["sum", "prod", "mean", "average", "var", "std", "min", "max", "argmin", "argmax", "count"]
TAKES_WEIGHTS = ["mean", "average", "var", "std"]
EPS = 2.0**-53


class Nothing(Exception):
    """There is no result: the program must say so with a DataError."""


def result_dtype(name, x):
    kind = x.dtype.kind
    if name in ("sum", "prod"):
        return np.dtype({"b": np.int64, "i": np.int64, "u": np.uint64}.get(kind, x.dtype))
    if name in ("argmin", "argmax", "count_nonzero", "count"):
        return np.dtype(np.int64)
    if name in ("any", "all"):
        return np.dtype(np.bool_)
    if name in ("mean", "average", "var", "std"):
        if kind in "biu":
            return np.dtype(np.float64)
        return np.zeros(0, x.dtype).real.dtype if name in ("var", "std") else x.dtype
    return x.dtype


def exact_sum(values):
    """Of floats: the sum as a float, and the sum of magnitudes; None where an infinity on the way decides."""
    if values.dtype.kind == "c":
        real, imag = exact_sum(values.real), exact_sum(values.imag)
        if real is None or imag is None:
            return None
        return complex(real[0], imag[0]), math.hypot(real[1], imag[1])
    wide = values.astype(np.float64)
    if not np.isfinite(wide).all():
        with np.errstate(invalid="ignore"):
            return float(wide[~np.isfinite(wide)].sum()), 0.0
    magnitude = float(np.abs(wide.astype(np.longdouble)).sum())
    if not magnitude < 1e308:
        return None
    return math.fsum(wide.tolist()), magnitude


def error_of_sum(count, magnitude):
    """Blocks of at most 4096 elements are added plainly, in 32 lanes; their sums in twice the digits."""
    return magnitude * (EPS * min(count, 4096 / 32 + 5) + count * 2.0**-100)


def sum_of(values):
    if values.dtype.kind in "biu":
        total = sum(values.tolist()) if len(values) < 5000 else int(values.astype(object).sum())
        unsigned = values.dtype.kind == "u"
        if not (0 <= total < 2**64 if unsigned else -2**63 <= total < 2**63):
            raise Nothing
        return total, 0.0
    found = exact_sum(values)
    return None if found is None else (found[0], error_of_sum(len(values), found[1]))


def product_of(values):
    if values.dtype.kind in "biu":
        total = math.prod(int(v) for v in values.tolist())
        if not (0 <= total < 2**64 if values.dtype.kind == "u" else -2**63 <= total < 2**63):
            raise Nothing
        return total, 0.0
    wide = values.astype(np.clongdouble if values.dtype.kind == "c" else np.longdouble)
    if np.isnan(wide).any():
        return (complex(math.nan, math.nan) if values.dtype.kind == "c" else math.nan), 0.0
    sizes = np.abs(wide[wide != 0])
    if not np.isfinite(wide).all() or (len(sizes) and float(np.abs(np.log2(sizes)).sum()) > 1000):
        return None
    total = wide.prod()
    return total, float(abs(total)) * (len(values) + 2) * 4 * EPS


def mean_of(values, weights):
    n = len(values)
    if weights is not None:
        with np.errstate(all="ignore"):
            wide = values.astype(np.clongdouble if values.dtype.kind == "c" else np.longdouble)
            total = (wide * weights.astype(np.longdouble)).sum() / weights.astype(np.longdouble).sum()
        size = float(np.abs(wide).max()) if n else 0.0
        return (total, 8 * EPS * size) if not size > 1e300 else None
    if n == 0:
        return (complex(math.nan, math.nan) if values.dtype.kind == "c" else math.nan), 0.0
    found = exact_sum(values.astype(np.float64) if values.dtype.kind in "biu" else values)
    if found is None:
        return None
    with np.errstate(all="ignore"):
        if values.dtype.kind == "c" and not np.isfinite(found[0]):
            return None
        return found[0] / n, error_of_sum(n, found[1]) / n + 2 * EPS * abs(found[0]) / n


def variance_of(values, weights, ddof):
    if values.dtype.kind == "c":
        parts = [variance_of(part, weights, ddof) for part in (values.real, values.imag)]
        return None if None in parts else (parts[0][0] + parts[1][0], parts[0][1] + parts[1][1])
    wide = values.astype(np.longdouble)
    heavy = np.ones(len(wide), np.longdouble) if weights is None else weights.astype(np.longdouble)
    freedom = heavy.sum() - ddof
    if not freedom > 0:
        return math.nan, 0.0
    if not np.isfinite(wide).all():
        return math.nan, 0.0
    size = float(np.abs(wide).max())
    if size > 1e150:
        return None
    centre = (wide * heavy).sum() / heavy.sum()
    value = float((heavy * (wide - centre) ** 2).sum() / freedom)
    n = len(wide)
    # Chan, Golub and LeVeque 1983: pairwise updating
    bound = EPS * (64 + 4 * math.log2(n + 1)) * (value + size * math.sqrt(value)) + (64 * EPS * size) ** 2
    return value, bound * float(heavy.sum() / freedom)


def lowest(name, values, places):
    is_max = name.endswith("max")
    if len(values) == 0:
        if name.startswith("arg") or values.dtype.kind in "biu":
            raise Nothing
        return math.nan, 0.0
    if values.dtype.kind == "f" and np.isnan(values).any():
        at = int(np.isnan(values).argmax())
    else:
        at = int(values.argmax() if is_max else values.argmin())
    return (int(places[at]), 0.0) if name.startswith("arg") else (values[at], 0.0)


def number(name, values, places, weights, ddof):
    """The result of some elements, with a bound for its error before it is rounded; None: anybody's."""
    if name == "sum":
        return sum_of(values)
    if name == "prod":
        return product_of(values)
    if name in ("mean", "average"):
        return mean_of(values, weights)
    if name == "var":
        return variance_of(values, weights, ddof)
    if name == "std":
        found = variance_of(values, weights, ddof)
        if found is None or math.isnan(found[0]):
            return found
        root = math.sqrt(found[0])
        return root, found[1] / root if root * root > found[1] else math.sqrt(found[1])
    if name in ("min", "max", "amin", "amax", "argmin", "argmax"):
        return lowest(name.replace("amin", "min").replace("amax", "max"), values, places)
    if name == "ptp":
        low, high = lowest("min", values, places)[0], lowest("max", values, places)[0]
        with np.errstate(all="ignore"):
            return values.dtype.type(high) - values.dtype.type(low), 0.0
    if name == "any":
        return bool((values != 0).any()), 0.0
    if name == "all":
        return bool((values != 0).all()), 0.0
    return (int((values != 0).sum()) if name == "count_nonzero" else len(values)), 0.0


def reduce(name, x, axes=None, keepdims=False, mask=None, skips_nan=False, weights=None, ddof=0):
    """Values, bounds of their errors (NaN: do not look) and whether an element has no value."""
    axes = tuple(range(x.ndim)) if axes is None else tuple(sorted(axis % x.ndim for axis in axes))
    kept = [axis for axis in range(x.ndim) if axis not in axes]
    mask = np.ones(x.shape, bool) if mask is None else np.broadcast_to(mask != 0, x.shape)
    if skips_nan and x.dtype.kind in "fc":
        mask = mask & ~np.isnan(x)
    order = kept + list(axes)
    shape = [x.shape[axis] for axis in kept]
    count = int(np.prod([x.shape[axis] for axis in axes], dtype=np.int64))

    def rows(array):
        return np.broadcast_to(array, x.shape).transpose(order).reshape([int(np.prod(shape, dtype=np.int64)), count])

    dtype = result_dtype(name, x)
    values = np.zeros(int(np.prod(shape, dtype=np.int64)), dtype)
    bounds = np.zeros(len(values))
    has_failed = False
    masks, all_values = rows(mask), rows(x)
    all_weights = None if weights is None else rows(weights)
    for i in range(len(values)):
        taken = masks[i]
        places = np.flatnonzero(taken)
        own = None if all_weights is None else all_weights[i][taken]
        try:
            found = number(name, all_values[i][taken], places, own, ddof)
        except Nothing:
            has_failed = True
            continue
        if found is None:
            bounds[i] = math.nan
            continue
        with np.errstate(all="ignore"):
            values[i] = found[0]
        bounds[i] = found[1]
    result = [1 if axis in axes else x.shape[axis] for axis in range(x.ndim)] if keepdims else shape
    return values.reshape(result), bounds.reshape(result), has_failed
