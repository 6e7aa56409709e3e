"""Random expressions against NumPy and SciPy, at several numbers of ranks, tiles and threads and on two kinds of CPU,
which must all give the same bits. SERRIED_TEST_SEED makes others, SERRIED_TEST_CASES more of them (default 1)."""

import os
import re
import sys
import tempfile
import time

try:
    import h5py
    import numpy as np
    import scipy  # noqa: F401
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

import case_results
from case_maker import COMPLEX_FUNCTIONS, Case, Maker
from case_results import parse
from named_cases import named_cases, precedence_cases, quantile_cases, strength_cases, wrong_cases
from operand_pool import Pool

RUNNER = os.environ["EXPRESSION_RUNNER"]
SEED = int(os.environ.get("SERRIED_TEST_SEED", 1))
TIMES = float(os.environ.get("SERRIED_TEST_CASES", 1))

# ranks, tiles, threads, CPU
RUNS = [(1, 16384, 1, "avx2"), (2, 16384, 2, "avx512"), (3, 16384, 1, ""), (4, 16384, 1, ""), (7, 16384, 1, ""),
        (1, 64, 2, ""), (3, 64, 1, ""), (1, 3, 1, ""), (2, 3, 1, "")]


def make_cases(rng, pool):
    maker = Maker(rng, pool)
    cases = []

    def add(count, make):
        made = 0
        while made < max(1, count * TIMES):
            case = make()
            if case is not None:
                cases.append(case)
                made += 1

    def exact(node):
        if node is None:
            return None
        text = node.text
        for decimals in range(3):
            if text.startswith(f"round_{decimals}("):
                text = f"round({text[8:-1]}, {decimals})"
        errors = ("DataError", "InvalidArgument") if node.has_failed else ()
        return Case(text, node.value, errors=errors, may_fail=node.has_failed == "maybe", loose_zeros=node.loose_zeros)

    def reduction(make=maker.reduction):
        found = make()
        if found is None:
            return None
        case = exact(found[0])
        case.bounds, case.ulps = found[1], 2 if found[0].value.dtype.kind in "fc" else 0
        return case

    nodes, near_cases, reductions = maker.each_spelling()
    for make in nodes:
        add(1, lambda make=make: exact(make()))
    for make in near_cases:
        add(1, make)
    for make in reductions:
        add(1, lambda make=make: reduction(make))
    add(60, lambda: exact(maker.exact_unary()))
    add(200, lambda: exact(maker.exact_binary()))
    add(60, lambda: exact(maker.exact_other()))
    add(100, maker.near_unary)
    add(40, maker.near_binary)
    for name in COMPLEX_FUNCTIONS:
        add(3, lambda name=name: maker.near_complex(name))
    add(200, reduction)
    add(200, lambda: exact(maker.tree(pool.any_family(), int(rng.integers(1, 5)))))
    add(60, maker.smooth_case)
    cases += named_cases(rng, pool, maker)
    cases += precedence_cases(rng, pool, int(60 * max(1, TIMES)))
    cases += quantile_cases(rng, pool, maker)
    cases += strength_cases(pool)
    cases += wrong_cases(pool)
    return cases


def grouped(rng, cases):
    """Lines of one case or several, which are evaluated together."""
    lines, alone = [], []
    for i, case in enumerate(cases):
        (alone if case.is_alone or rng.random() < 0.25 else lines).append([i])
    together = []
    while lines:
        count = int(rng.integers(1, 13))
        together.append([i for line in lines[:count] for i in line])
        lines = lines[count:]
    return alone + together


def run(folder, ranks, tiles, threads, target):
    variables = {"SERRIED_TARGET": target} if target else {}
    return case_results.run(RUNNER, folder, ranks, tiles, threads, 300 * max(1, TIMES), **variables)


def spacing(want, dtype):
    """One ulp of a dtype at numbers that are wider."""
    info = np.finfo(dtype)
    with np.errstate(all="ignore"):
        exponent = np.frexp(np.abs(want))[1]
        return np.maximum(np.ldexp(np.longdouble(1), exponent - info.nmant - 1), info.smallest_subnormal)


def compare(case, got):
    """What is wrong; None where all is right."""
    dtype = getattr(case, "dtype", case.want.dtype)
    if got.dtype != dtype:
        return f"dtype {got.dtype}, not {dtype}"
    if got.shape != case.want.shape:
        return f"shape {got.shape}, not {case.want.shape}"
    if got.size == 0:
        return None
    want = case.want
    with np.errstate(all="ignore"):
        if case.bounds is None and case.ulps == 0:
            same = (got == want) | ((got != got) & (want != want))
            if got.dtype.kind == "f" and not case.loose_zeros:
                same &= (np.signbit(got) == np.signbit(want)) | (got != got)
        else:
            same = is_near(got, want, dtype, 0.0 if case.bounds is None else case.bounds, case.ulps)
    if np.all(same):
        return None
    index = tuple(int(i) for i in np.argwhere(~np.asarray(same))[0]) if got.ndim else ()
    wrong = np.size(same) - np.count_nonzero(same)
    return f"{got[index]!r} at {index}, not {want[index]!r} ({wrong} of {np.size(same)})"


def is_near(got, want, dtype, bound, ulps):
    if dtype.kind == "c":
        part = np.zeros(0, dtype).real.dtype
        # beside an infinite part the finite one has its own error
        pairs = [(got.real, want.real), (got.imag, want.imag)]
        error = np.hypot(*(np.where(a == b, 0, a.astype(np.longdouble) - b) for a, b in pairs))
        size = np.hypot(*(np.where(np.isfinite(b), b, 0).astype(np.longdouble) for _, b in pairs))
        near = error <= bound + ulps * spacing(size, part)
        return near | (np.isnan(got) & np.isnan(want)) | (got == want) | np.isnan(bound)
    if dtype.kind != "f":
        return (got == want) | np.isnan(bound)
    wide = want.astype(np.longdouble)
    near = np.abs(got.astype(np.longdouble) - wide) <= bound + ulps * spacing(wide, dtype)
    # beyond the dtype it is infinite
    beyond = np.isinf(got) & (np.sign(got) == np.sign(wide)) & (
        np.abs(wide) >= np.finfo(dtype).max * (1 - ulps * np.finfo(dtype).eps))
    return (near & np.isfinite(got)) | beyond | (np.isnan(got) & np.isnan(wide)) | np.isnan(bound)


def check(cases, lines, parsed, what):
    failures = []
    for members, (found, _) in zip(lines, parsed):
        for position, i in enumerate(members):
            case = cases[i]
            wrong = None
            if isinstance(found, tuple):
                if found[0] not in case.errors:
                    wrong = f"{found[0]}: {found[1]}"
            elif case.errors and not case.may_fail:
                wrong = f"no error, but {found[position][0]!r}"
            elif case.want is not None:
                wrong = compare(case, found[position][0])
            if wrong:
                failures.append(f"{what}: {case.text}\n    {wrong}")
    return failures


def missing(cases, names):
    """Functions that no case has, of those that texts know; coord is of files (tests/app/eval_test.py)."""
    used = {name for case in cases if case.want is not None for name in re.findall(r"(\w+)\(", case.text)}
    return [f"no case has the function {name}" for name in sorted(set(names) - used - {"coord"})]


def main():
    print(f"SERRIED_TEST_SEED={SEED}", flush=True)
    begin = time.time()
    rng = np.random.default_rng(SEED)
    pool = Pool(rng)
    cases = make_cases(rng, pool)
    lines = grouped(rng, cases)
    failures = []
    with tempfile.TemporaryDirectory(prefix="serried_expr_") as folder:
        with open(os.path.join(folder, "data"), "wb") as file:
            file.write(pool.data)
        with h5py.File(os.path.join(folder, "disk.h5"), "w") as file:
            file.create_dataset("rows", data=pool.on_disk, chunks=(17, 3), compression="gzip")
        pool.lines.append(f"hdf5\ton_disk\t{folder}/disk.h5:/rows")
        with open(os.path.join(folder, "cases"), "w", encoding="utf-8") as file:
            file.writelines(line + "\n" for line in pool.lines)
            for members in lines:
                file.write("case\t" + ", ".join(cases[i].text for i in members) + "\n")
            file.write("functions\n")
        print(f"{len(cases)} expressions made in {time.time() - begin:.1f} s", flush=True)
        first = {}
        for ranks, tiles, threads, target in RUNS:
            begin = time.time()
            results, code = run(folder, ranks, tiles, threads, target)
            what = f"{ranks} ranks, {tiles} tiles, {threads} threads {target}"
            print(f"{what}: {time.time() - begin:.1f} s", flush=True)
            if code != 0:
                at = len(parse(results)) if code else 0
                failures.append(f"{what}: ended in case {cases[lines[min(at, len(lines) - 1)][0]].text}")
                continue
            if tiles not in first:
                first[tiles] = results
                parsed = parse(results)
                failures += check(cases, lines, parsed, what)
                failures += missing(cases, parsed[-1][0][1].split())
            elif results != first[tiles]:
                for members, one, other in zip(lines, parse(first[tiles]), parse(results)):
                    if one[1] != other[1]:
                        text = ", ".join(cases[i].text for i in members)
                        failures.append(f"{what}: not the bits of the first run: {text}\n    {one[0]!r}\n"
                                        f"    {other[0]!r}")
    for failure in failures[:200]:
        print(failure)
    print(f"{len(failures)} failures; SERRIED_TEST_SEED={SEED} repeats them" if failures else "all as in NumPy")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
