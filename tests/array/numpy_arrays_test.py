"""Scans, histograms, counts, searches and orders of arrays against NumPy, at several numbers of ranks, tiles and
threads, which must all give the same bits. SERRIED_TEST_SEED repeats a run, SERRIED_TEST_CASES makes it longer
(default 1)."""

import os
import random
import sys
import tempfile

try:
    import numpy as np
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

import case_results
from case_results import DTYPES, NAME_OF, parse

RUNNER = os.environ["ARRAY_RUNNER"]
SEED = int(os.environ.get("SERRIED_TEST_SEED", random.randrange(10**6)))
TIMES = float(os.environ.get("SERRIED_TEST_CASES", 1))

REAL = [name for name in DTYPES if name[0] != "c"]
WHOLE = [name for name in DTYPES if name[0] in "biu"]
SHAPES = [(), (1,), (0,), (5,), (67,), (5000,), (3, 4), (0, 4), (5, 0), (200, 3), (3, 200), (7, 5, 3), (1, 300, 2)]
UNIT = 2.0**-53
KINDS = {"invalid": "InvalidArgument", "data": "DataError"}
# ranks, tiles, threads, CPU
RUNS = [(1, 16384, 1, "avx2"), (2, 16384, 2, "avx512"), (3, 16384, 1, ""), (1, 64, 2, ""), (4, 64, 1, ""),
        (3, 3, 1, "")]


class Case:
    """A call, and what must come out: arrays, each with a bound of the error; or an error's kind."""

    def __init__(self, text, want=(), bounds=None, error=None):
        self.text, self.want, self.error = text, [np.asarray(w) for w in want], error
        self.bounds = bounds if bounds is not None else [None] * len(self.want)


class Pool:
    def __init__(self, rng):
        self.rng, self.lines, self.data, self.count = rng, [], b"", 0

    def add(self, array, place=None):
        """A name for an array that lies split along some axis, or replicated."""
        array = np.asarray(array, order="C")
        if place is None:
            places = ["r"] + [str(axis) for axis in range(array.ndim)] * 3
            place = places[int(self.rng.integers(len(places)))]
        self.count += 1
        self.data += b"\0" * (-len(self.data) % 16)
        shape = ",".join(map(str, array.shape)) or "-"
        self.lines.append(f"operand x{self.count} {NAME_OF[array.dtype]} {shape} {place} {len(self.data)}")
        self.data += array.tobytes()
        return f"x{self.count}"

    def values(self, name, shape, nan=0.0):
        dtype, rng = np.dtype(DTYPES[name]), self.rng
        if dtype.kind in "biu":
            low = 0 if dtype.kind in "bu" else -90
            return rng.integers(low, 2 if dtype.kind == "b" else 100, shape).astype(dtype)
        wide = rng.normal(size=shape) * 10.0 ** rng.integers(-2, 3)
        if dtype.kind == "c":
            wide = wide + 1j * rng.normal(size=shape)
        values = np.asarray(wide, dtype)
        if nan and values.ndim:
            values[rng.random(shape) < nan] = np.nan
        return values


def spacing(want, dtype):
    """Half a unit in the last place of a dtype at numbers that are wider."""
    info = np.finfo(dtype)
    exponent = np.frexp(np.abs(want))[1]
    return np.maximum(np.ldexp(np.longdouble(1), exponent - info.nmant - 2), np.longdouble(info.smallest_subnormal) / 2)


def scan_case(pool, rng, name, shape, op):
    nan = 0.1 if rng.random() < 0.3 else 0.0
    x = pool.values(name, shape, nan)
    if op == "cumprod" and x.dtype.kind in "iu":
        threes = np.where(rng.random(shape) < 0.02, 3, 1)
        x = np.asarray(threes if x.size < 700 else np.sign(x), DTYPES[name])
    skips = nan > 0 and rng.random() < 0.7
    axis = None if rng.random() < 0.3 else int(rng.integers(-max(1, x.ndim), max(1, x.ndim)))
    text = f"case {op} {pool.add(x)}" + ("" if axis is None else f" axis={axis}") + (" skips_nan=1" if skips else "")
    function = getattr(np, ("nan" if skips else "") + op)
    if x.dtype.kind in "biu":
        return Case(text, [function(x, axis=axis)])
    dtype = x.dtype
    wide = x.astype(np.clongdouble if dtype.kind == "c" else np.longdouble)
    with np.errstate(all="ignore"):
        want = function(wide, axis=axis)
        if op == "cumsum":
            error = 70 * UNIT * np.nancumsum(np.abs(wide), axis=axis) + 2 * UNIT * np.abs(want)
        else:
            error = np.abs(want) * (4 * UNIT * (x.size + 2))
        part = np.zeros(0, dtype).real.dtype
        bound = error + spacing(np.abs(want), part) * (1.5 if dtype.kind == "c" else 1)  # of both parts
    case = Case(text, [want], [bound])
    case.dtype = dtype
    return case


def edges_word(rng, low, high):
    edges = np.unique(rng.uniform(low, high, int(rng.integers(2, 12))).round(2))
    edges = edges if len(edges) > 1 else np.array([low, high])
    return edges, "e:" + ",".join(map(repr, map(float, edges)))


def histogram_case(pool, rng, dimensions):
    rows = int(rng.choice([0, 1, 30, 4000, 30011]))
    names = [str(rng.choice(REAL if dimensions == 1 else ["f64", "f32", "i16", "u8"])) for _ in range(dimensions)]
    as_rows = dimensions > 1 and rng.random() < 0.5
    if as_rows:
        names = names[:1] * dimensions
    xs = [pool.values(name, (rows,), 0.05 if rng.random() < 0.3 else 0) for name in names]
    if rng.random() < 0.3:
        xs = [np.round(x.astype("f8"), 1).astype(x.dtype) for x in xs]  # numbers on edges
    words, bins, ranges = [], [], []
    for x in xs:
        kind = rng.integers(3)
        finite = x[x == x].astype("f8")
        if kind == 0 and x.dtype != bool and finite.size:
            edges, word = edges_word(rng, -2.0, 3.0)
            bins.append(edges)
            ranges.append(None)
        else:
            count = int(rng.choice([1, 7, 40, 1500]) if dimensions == 1 else rng.integers(1, 15))
            bins.append(count)
            low, high = sorted((round(rng.normal(), 1), round(2 + rng.normal(), 1)))
            # NumPy refuses NaN where it looks for the range, and subtracts no booleans
            needs = finite.size < x.size or x.dtype == bool or rng.random() < 0.6
            ranges.append((low, high) if needs else None)
            word = f"{count}:{low!r}:{high!r}" if needs else str(count)
        words.append(" axis=" + word)
    weights = rng.normal(size=rows) * 10.0 ** rng.integers(-3, 4, rows) if rng.random() < 0.4 else None
    density = rng.random() < 0.3
    if as_rows:
        place = "f" if xs[0].dtype == np.float64 and rng.random() < 0.5 else "0"
        operand = pool.add(np.stack(xs, axis=1), place)
    elif dimensions == 1 and rng.random() < 0.2 and xs[0].dtype == np.float64:
        operand = pool.add(xs[0][:, None], "f")
    else:
        operand = ",".join(pool.add(x, "0") for x in xs)
    text = f"case histogram {operand}" + "".join(words) + (" density=1" if density else "")
    if weights is not None:
        text += f" weights={pool.add(weights, '0')}"
    with np.errstate(all="ignore"):
        try:
            if dimensions == 1:
                table, edges = np.histogram(xs[0], bins[0], ranges[0], weights=weights, density=density)
                given = xs[0], bins[0], ranges[0]
                if edges.dtype == np.float16:
                    # many of these edges are one number, and NumPy guesses among their bins unless they are given
                    given = xs[0].astype("f8"), edges.astype("f8"), None
                    table = np.histogram(*given, weights=weights, density=density)[0]
                if density and weights is None and edges.dtype != np.float64:
                    # NumPy rounds the widths of such bins to their dtype
                    counts = np.histogram(*given)[0]
                    table = counts / np.diff(edges.astype("f8")) / counts.sum()
                edges = [edges]
            else:
                sample = np.stack(xs, axis=1) if as_rows else xs
                table, edges = np.histogramdd(sample, bins, ranges, weights=weights, density=density)
        except ValueError:  # a range that cannot be cut into so many bins
            return Case(text, error=("data", "invalid"))
    bounds = [None] * (1 + dimensions)
    if weights is not None or density:
        bounds[0] = 1e-12 * max(1, np.abs(weights).sum() if weights is not None else 1) + 1e-12 * np.abs(table)
        if density:
            total = np.sum(table) if rows else 1
            bounds[0] = 1e-9 * np.abs(table) + (1e-9 if weights is not None and np.isfinite(total) else 0)
        if density and weights is not None:
            return None  # total weights of either sign may cancel
    elif dimensions > 1:
        table = table.astype(np.int64)
    return Case(text, [table] + [np.asarray(e, "f8") for e in edges], bounds)


def rule_case(pool, rng):
    """The number of bins by a rule: of f64, as the rules of other dtypes are rounded otherwise."""
    name = str(rng.choice(["f64", "i32", "u8", "f64"]))
    rule = str(rng.choice(["auto", "fd", "doane", "scott", "rice", "sturges", "sqrt"]))
    x = pool.values(name, (int(rng.choice([0, 1, 2, 30, 4000, 30011])),))
    if rng.random() < 0.2:
        x = np.full_like(x, 3)
    elif name == "f64" and rng.random() < 0.5:
        x = np.exp(np.clip(x, -3, 3))
    bounds = None if rng.random() < 0.6 else (-1.5, 2.5)
    with np.errstate(all="ignore"):
        counts, edges = np.histogram(x, rule, bounds)
    text = f"case histogram {pool.add(x, '0')} axis={rule}" + (f":{bounds[0]!r}:{bounds[1]!r}" if bounds else "")
    return Case(text, [counts, edges.astype("f8")])


def logarithmic_case(pool, rng):
    x = np.exp(rng.normal(size=5003))
    x[::50] = 0
    x[::70] = -1
    case = Case(f"case histogram {pool.add(x, '0')} axis=25:0.05:20:log")
    case.check = lambda found: np.array_equal(found[0], np.histogram(x, found[1])[0]) and np.allclose(
        found[1], np.geomspace(0.05, 20, 26), rtol=1e-14)
    found_range = Case(f"case histogram {pool.add(x, '0')} axis=9:log")
    positive = x[x > 0]
    found_range.check = lambda found: ((found[1][0], found[1][-1]) == (positive.min(), positive.max())
                                       and found[0].sum() == positive.size)
    return [case, found_range]


def search_case(pool, rng):
    name, other = str(rng.choice(REAL)), str(rng.choice(REAL))
    series = np.sort(pool.values(name, (int(rng.choice([0, 1, 5, 900, 20011])),), 0.02 if name[0] == "f" else 0))
    values = pool.values(other, SHAPES[int(rng.integers(len(SHAPES)))], 0.05 if other[0] == "f" else 0)
    side = str(rng.choice(["left", "right"]))
    text = f"case searchsorted {pool.add(series)},{pool.add(values)} side={side}"
    return Case(text, [np.searchsorted(series, values, side).astype(np.int64)])


def digitize_case(pool, rng):
    values = pool.values(str(rng.choice(REAL)), SHAPES[int(rng.integers(1, len(SHAPES)))])
    edges = np.sort(rng.integers(-5, 8, int(rng.integers(1, 9)))).astype("f8")
    if rng.random() < 0.4:
        edges = edges[::-1]
    right = bool(rng.random() < 0.5)
    text = f"case digitize {pool.add(values)} bins={','.join(map(repr, map(float, edges)))} right={int(right)}"
    return Case(text, [np.digitize(values, edges, right).astype(np.int64)])


def bincount_case(pool, rng):
    name = str(rng.choice(WHOLE))
    values = np.abs(pool.values(name, (int(rng.choice([0, 1, 10, 30011])),)))
    least = int(rng.choice([0, 0, 5, 300]))
    weights = rng.normal(size=values.shape).astype(str(rng.choice(["f8", "f4", "i8"]))) if rng.random() < 0.5 else None
    text = f"case bincount {pool.add(values, '0')} minlength={least}"
    if weights is not None:
        text += f" weights={pool.add(weights, '0')}"
    want = np.bincount(values.astype(np.int64), weights, least)
    if weights is not None:
        want = want.astype("f8")  # without elements NumPy counts all the same
    return Case(text, [want], [1e-11 + 1e-13 * np.abs(want)] if weights is not None else None)


def lexsort_case(pool, rng):
    shapes = [(0,), (1,), (7,), (2000,), (20011,), (20011,), (3, 7), (40, 5, 9), (2, 1, 3000), (0, 4), (4, 0),
              (700, 2)]
    shape = shapes[int(rng.integers(len(shapes)))]
    keys = []
    for _ in range(int(rng.integers(1, 5))):
        name = str(rng.choice(REAL))
        key = pool.values(name, shape, 0.05 if name[0] == "f" else 0)
        keys.append(np.round(key.astype("f8")).astype(key.dtype) if rng.random() < 0.7 and name[0] == "f" else key)
    return Case("case lexsort " + ",".join(pool.add(key) for key in keys), [np.lexsort(keys).astype(np.int64)])


def wrong_cases(pool, rng):
    x = pool.add(rng.normal(size=100), "0")
    z = pool.add(rng.normal(size=100) + 0j, "0")
    short = pool.add(rng.normal(size=99), "0")
    square, other = pool.add(rng.normal(size=(100, 100)), "0"), pool.add(rng.normal(size=(100, 100)), "1")
    infinite = pool.add(np.array([1.0, np.inf]), "0")
    big = pool.add(np.array([2**62, 2**62]), "0")
    negative, falling = pool.add(np.array([3, -1]), "0"), pool.add(np.arange(500.0)[::-1], "0")
    near = pool.add(np.array([1.0, 1.0 + 2.0**-52]), "0")
    return [Case("case " + text, error=(kind,)) for kind, text in [
        ("invalid", f"cumsum {x} axis=1"), ("data", f"cumsum {big}"), ("data", f"cumprod {big}"),
        ("invalid", f"histogram {z}"), ("invalid", f"histogram {x} axis=0"), ("invalid", f"histogram {x} axis=5:2:1"),
        ("invalid", f"histogram {x} axis=e:1,0"), ("invalid", f"histogram {x} axis=e:1"),
        ("data", f"histogram {infinite}"),
        ("invalid", f"histogram {x},{short}"), ("invalid", f"histogram {square},{other}"),
        ("data", f"histogram {near}"),
        ("invalid", f"histogram {x} axis=5 axis=5"), ("invalid", f"histogram {x} axis=5:-1:2:log"),
        ("data", f"histogram {x},{x} axis=5 axis=3 weights={pool.add(np.full(100, np.nan), '0')}"),
        ("invalid", f"histogram {x},{x},{x} axis=2000000:0:1"), ("invalid", f"bincount {x}"),
        ("data", f"bincount {negative}"), ("invalid", f"bincount {pool.add(np.arange(100), '0')} weights={short}"),
        ("invalid", f"searchsorted {square},{x}"), ("invalid", f"searchsorted {x},{z}"),
        ("data", f"searchsorted {falling},{x}"),
        ("invalid", f"digitize {x} bins=1,3,2"), ("invalid", f"lexsort {x},{short}"), ("invalid", f"lexsort {square},{x}"),
        ("invalid", f"lexsort {pool.add(np.float64(3))}"), ("invalid", f"lexsort {z}")]]


def make_cases(pool, rng):
    cases = []
    for name in DTYPES:
        for shape in SHAPES:
            for op in ("cumsum", "cumprod"):
                cases.append(scan_case(pool, rng, name, shape, op))
    for make, count in ((lambda: histogram_case(pool, rng, 1), 80), (lambda: histogram_case(pool, rng, 2), 40),
                        (lambda: histogram_case(pool, rng, 3), 15), (lambda: search_case(pool, rng), 60),
                        (lambda: rule_case(pool, rng), 40), (lambda: digitize_case(pool, rng), 40), (lambda: bincount_case(pool, rng), 30),
                        (lambda: lexsort_case(pool, rng), 40)):
        cases += [make() for _ in range(int(count * TIMES))]
    return [case for case in cases if case] + logarithmic_case(pool, rng) + wrong_cases(pool, rng)


def run(folder, ranks, tiles, threads, target):
    variables = {"SERRIED_TARGET": target} if target else {}
    return case_results.run(RUNNER, folder, ranks, tiles, threads, 300 * max(1, TIMES), **variables)


def compare(case, found):
    """What is wrong; None where all is right."""
    if isinstance(found, tuple):
        return None if case.error and any(found[0] == KINDS[kind] for kind in case.error) else f"{found[0]}: {found[1]}"
    found = [array for array, _ in found]
    if case.error:
        return f"no error, but {found[0]!r}"
    if hasattr(case, "check"):
        return None if case.check(found) else f"{found}"
    if len(found) != len(case.want):
        return f"{len(found)} arrays"
    for got, want, bound in zip(found, case.want, case.bounds):
        dtype = getattr(case, "dtype", want.dtype)
        if got.shape != want.shape or got.dtype != dtype:
            return f"{got.dtype}{got.shape}, not {dtype}{want.shape}"
        with np.errstate(all="ignore"):
            same = (got == want) | ((got != got) & (want != want))
            if bound is not None:
                same |= np.abs(got.astype(np.result_type(want, np.longdouble)) - want) <= bound
                if dtype.kind == "f":
                    beyond = np.abs(want) >= np.finfo(dtype).max * (1 - np.finfo(dtype).eps)
                    same |= np.isinf(got) & (np.sign(got) == np.sign(want)) & beyond
                elif dtype.kind == "c":
                    same |= ~np.isfinite(got) & ~np.isfinite(want.astype(dtype))
        if not np.all(same):
            place = tuple(int(i) for i in np.argwhere(~np.asarray(same))[0]) if got.ndim else ()
            return f"{got[place]!r} at {place}, not {want[place]!r} ({got.size - np.count_nonzero(same)} of {got.size})"
    return None


def main():
    print(f"SERRIED_TEST_SEED={SEED}", flush=True)
    rng = np.random.default_rng(SEED)
    pool = Pool(rng)
    cases = make_cases(pool, rng)
    failures = []
    first = {}
    with tempfile.TemporaryDirectory(prefix="serried_arrays_") as folder:
        with open(os.path.join(folder, "data"), "wb") as file:
            file.write(pool.data + b"\0" * 64)
        with open(os.path.join(folder, "cases"), "w", encoding="utf-8") as file:
            file.writelines(line + "\n" for line in pool.lines + [case.text for case in cases])
        for setting in RUNS:
            results, code = run(folder, *setting)
            parsed = parse(results) if code == 0 else []
            if len(parsed) != len(cases):
                failures.append(f"{setting}: {len(parsed)} results of {len(cases)} cases")
                continue
            tiles = setting[1]
            if tiles not in first:
                first[tiles] = parsed
                for case, (found, _) in zip(cases, parsed):
                    if wrong := compare(case, found):
                        operands = case.text.split()[2].replace(",", " ").split()
                        failures.append(f"{setting}: {case.text}\n    {wrong}\n    " + "\n    ".join(
                            line for line in pool.lines if line.split()[1] in operands))
            for case, one, other in zip(cases, first[tiles], parsed):
                if one[1] != other[1]:
                    failures.append(f"{setting}: not the bits of the first run: {case.text}\n    {one[0]!r}\n"
                                    f"    {other[0]!r}")
    for failure in failures[:50]:
        print(failure)
    print(f"{len(failures)} failures; SERRIED_TEST_SEED={SEED} repeats them" if failures
          else f"{len(cases)} cases as in NumPy")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
