"""Random calls of functions on the shape of arrays against NumPy, at several numbers of ranks, tiles and threads, which
must all give the same bits in the same tiles. SERRIED_TEST_SEED repeats a run, SERRIED_TEST_CASES makes it longer
(default 1)."""

import os
import random
import sys
import tempfile
import time

try:
    import numpy as np
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "support"))

import case_results
from case_results import DTYPES, NAME_OF, parse

RUNNER = os.environ["SHAPE_RUNNER"]
SEED = int(os.environ.get("SERRIED_TEST_SEED", random.randrange(10**6)))
TIMES = float(os.environ.get("SERRIED_TEST_CASES", 1))

# ranks, tiles, threads
RUNS = [(1, 16384, 1), (2, 16384, 2), (3, 16384, 1), (4, 16384, 1), (7, 16384, 1), (1, 5, 2), (3, 5, 1), (1, 3, 1),
        (2, 3, 1)]
SHAPES = [(), (1,), (0,), (2,), (13,), (29,), (3, 4), (1, 7), (7, 1), (0, 3), (3, 0), (23, 5), (5, 31), (2, 3, 4),
          (6, 1, 5), (11, 2, 3), (2, 13, 3), (3, 2, 17), (2, 3, 2, 5), (1, 1, 1), (2, 1, 3, 1, 2)]
LARGE = [(20011,), (700, 33), (33, 700), (40, 30, 20), (3, 9000)]


class Maker:
    def __init__(self, rng):
        self.rng = rng
        self.data = bytearray()
        self.lines = []
        self.cases = []
        self.count = 0

    def pick(self, choices):
        return choices[int(self.rng.integers(len(choices)))]

    def number(self, low, high):
        return int(self.rng.integers(low, high))

    def values(self, shape, dtype):
        size = int(np.prod(shape, dtype=np.int64))
        if dtype == np.bool_:
            return (self.rng.random(size) < self.pick([0, 0.02, 0.5, 0.98, 1])).reshape(shape)
        # any bits, but no NaN whose bits nobody must keep, and zeros now and then
        array = self.rng.integers(0, 256, size * np.dtype(dtype).itemsize, dtype=np.uint8).view(dtype).copy()
        if array.dtype.kind in "fc":
            array[np.isnan(array)] = -0.0
        array[self.rng.random(size) < 0.3] = 0
        return array.reshape(shape)

    def add(self, array, place=None):
        """The name of an operand."""
        array = np.asarray(array)
        places = ["r"]
        for axis in range(array.ndim):
            places += [str(axis)] * 3 + [f"{axis}s"]
        place = place or self.pick(places if array.ndim == 0 or self.rng.random() < 0.8 else places[1:])
        self.data += bytes(-len(self.data) % 16)
        name = f"x{self.count}"
        self.count += 1
        extents = ",".join(str(extent) for extent in array.shape)
        self.lines.append(f"operand\t{name}\t{NAME_OF[array.dtype]}\t{extents}\t{place}\t{len(self.data)}")
        self.data += np.ascontiguousarray(array).tobytes()
        return name

    def array(self, least=0, shapes=None, dtypes=None):
        shapes = shapes or (LARGE if self.rng.random() < 0.04 else SHAPES)
        shape = self.pick([shape for shape in shapes if len(shape) >= least])
        return self.values(shape, DTYPES[self.pick(dtypes or list(DTYPES))])

    def case(self, function, *arguments, want, errors=(), bound=None):
        def text(argument):
            if isinstance(argument, (list, tuple)):
                return ",".join(str(int(item)) for item in argument)
            return str(argument)

        if callable(want):
            try:
                with np.errstate(all="ignore"):
                    want = want()
            except Exception as error:  # what NumPy refuses, so must we
                want, errors = error, errors or ("InvalidArgument",)
        if isinstance(want, np.ndarray) or np.isscalar(want):
            want = [np.asarray(want)]
        self.lines.append("\t".join(["case", function] + [text(argument) for argument in arguments]))
        self.cases.append((self.lines[-1], want, errors, bound))

    def axis(self, array, wrong=0.02):
        if self.rng.random() < wrong:
            return self.pick([array.ndim, -array.ndim - 1])
        return self.number(-array.ndim, array.ndim)

    # --- one random call of each function ---

    def slice(self):
        x = self.array()
        slices, texts = [], []
        for extent in x.shape[:self.number(0, x.ndim + 1)]:
            bounds = [None if self.rng.random() < 0.3 else self.number(-extent - 3, extent + 4) for _ in range(2)]
            step = self.pick([None, 1, 1, 2, 3, -1, -1, -2, -3, -7, 100, -100, 2**63 - 1, -2**63])
            slices.append(slice(*bounds, step))
            texts.append(":".join("" if part is None else str(part) for part in bounds + [step]))
        self.case("slice", self.add(x), ",".join(texts), want=lambda: x[tuple(slices)])

    def take_index(self):
        x = self.array(1)
        axis = self.axis(x)
        extent = x.shape[axis] if -x.ndim <= axis < x.ndim else 1
        index = self.number(-extent - 1, extent + 1)
        self.case("take_index", self.add(x), index, axis, want=lambda: np.take(x, index, axis))

    def indices(self, extent, shapes, wrong=0.05):
        shape = self.pick(shapes)
        dtype = self.pick([np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64])
        size = int(np.prod(shape))
        low = -extent if np.dtype(dtype).kind == "i" else 0
        limits = np.iinfo(dtype)
        if extent == 0:
            found = np.zeros(size, np.int64)
        else:
            found = self.rng.integers(max(low, int(limits.min)), min(extent, int(limits.max)), size)
        found = found.astype(dtype)
        if size and self.rng.random() < wrong:
            found[self.number(0, size)] = limits.max if limits.max > extent else extent
        return found.reshape(shape)

    def out_of_bounds(self, indices, extent):
        wide = indices.astype(object)
        return ("DataError",) if np.any((wide >= extent) | (wide < -extent)) else ()

    def take(self):
        x = self.array(1)
        axis = self.axis(x, 0)
        indices = self.indices(x.shape[axis], [(), (1,), (0,), (5,), (40,), (3, 4), (2, 0), (2, 3, 2), (3000,)])
        errors = self.out_of_bounds(indices, x.shape[axis])
        self.case("take", self.add(x), self.add(indices), axis, errors=errors,
                  want=None if errors else lambda: np.take(x, indices.astype(np.int64), axis))

    def put(self):
        x = self.array(1)
        axis = self.axis(x, 0)
        indices = self.indices(x.shape[axis], [(1,), (0,), (5,), (40,), (700,)])
        errors = self.out_of_bounds(indices, x.shape[axis])
        shape = list(x.shape)
        shape[axis] = indices.size
        if self.rng.random() < 0.3:
            shape = shape[self.number(0, len(shape) + 1):]
            shape = [1 if self.rng.random() < 0.3 else extent for extent in shape]
        values = self.values(tuple(shape), x.dtype.type)

        def want():
            result = np.moveaxis(x.copy(), axis, 0)
            full = list(x.shape)
            full[axis] = indices.size
            rows = np.moveaxis(np.broadcast_to(values, full), axis, 0)
            for index, row in zip(indices.astype(np.int64), rows):
                result[index] = row
            return np.ascontiguousarray(np.moveaxis(result, 0, axis))

        self.case("put", self.add(x), self.add(indices), self.add(values), axis, errors=errors,
                  want=None if errors else want)

    def balance(self):
        return self.pick(["automatic", "never", "always"])

    def compress_axis(self):
        x = self.array(1)
        axis = self.axis(x, 0)
        mask = self.values((x.shape[axis] + (1 if self.rng.random() < 0.04 else 0),), np.bool_)
        self.case("compress_axis", self.add(x), self.add(mask), axis, self.balance(),
                  want=lambda: x[(slice(None),) * (axis % x.ndim) + (mask,)])

    def compress(self):
        x = self.array(1)
        mask = self.values(x.shape[:self.number(1, x.ndim + 1)], np.bool_)
        if self.rng.random() < 0.3:  # what is left lies unevenly
            mask.reshape(-1)[mask.size // 3:] = False
        self.case("compress", self.add(x), self.add(mask), self.balance(), want=lambda: x[mask])

    def flatnonzero(self):
        x = self.array()
        self.case("flatnonzero", self.add(x), self.balance(), want=lambda: np.flatnonzero(x))

    def argwhere(self):
        x = self.array(1)
        self.case("argwhere", self.add(x), self.balance(), want=lambda: np.argwhere(x))

    def nonzero(self):
        x = self.array()
        self.case("nonzero", self.add(x), self.balance(), want=lambda: list(np.nonzero(x)))

    def concatenate(self):
        first = self.array(1)
        axis = self.axis(first)
        arrays = [first]
        for _ in range(self.number(0, 4)):
            shape = list(first.shape)
            if -first.ndim <= axis < first.ndim:
                shape[axis] = self.number(0, 9)
            if self.rng.random() < 0.03:
                shape[0] += 1
            dtype = first.dtype.type if self.rng.random() < 0.7 else DTYPES[self.pick(["b8", "i8", "f32", "c128"])]
            values = self.values(tuple(shape), dtype)
            # numbers that every dtype can be made of exactly
            arrays.append(values if values.dtype == first.dtype else (values != 0).astype(dtype))
        if any(array.dtype != first.dtype for array in arrays):
            arrays[0] = (first != 0).astype(first.dtype)
        self.case("concatenate", axis, *[self.add(array) for array in arrays],
                  want=lambda: np.concatenate(arrays, axis))

    def stack(self):
        first = self.array(shapes=[shape for shape in SHAPES if len(shape) < 5])
        axis = self.number(-first.ndim - 1, first.ndim + 1)
        arrays = [self.values(first.shape, first.dtype.type) for _ in range(self.number(1, 4))]
        self.case("stack", axis, *[self.add(array) for array in arrays], want=lambda: np.stack(arrays, axis))

    def split(self):
        x = self.array(1)
        axis = self.axis(x)
        parts = self.number(1, 6)
        function = self.pick(["split", "array_split"])
        self.case(function, self.add(x), parts, axis, want=lambda: getattr(np, function)(x, parts, axis))

    def split_at(self):
        x = self.array(1)
        axis = self.axis(x, 0)
        at = [self.number(-3, x.shape[axis] + 3) for _ in range(self.number(0, 4))]
        self.case("split_at", self.add(x), at, axis, want=lambda: np.split(x, at, axis))

    def reshape(self):
        x = self.array()
        factors = []
        rest = x.size
        while rest > 1 and len(factors) < 4:
            divisors = [d for d in range(1, min(rest, 60) + 1) if rest % d == 0]
            factors.append(self.pick(divisors))
            rest //= factors[-1]
        factors.append(rest)
        if self.rng.random() < 0.3:  # the axes there were, in other groups
            factors = [int(extent) for extent in x.shape]
            while len(factors) > 1 and self.rng.random() < 0.7:
                at = self.number(0, len(factors) - 1)
                factors[at:at + 2] = [factors[at] * factors[at + 1]]
            factors.insert(self.number(0, len(factors) + 1), 1)
        if self.rng.random() < 0.3:
            factors[self.number(0, len(factors))] = -1
        if self.rng.random() < 0.05:
            factors[0] += 1
        self.case("reshape", self.add(x), factors, want=lambda: x.reshape(factors))

    def ravel(self):
        x = self.array()
        self.case("ravel", self.add(x), want=lambda: x.ravel())

    def transpose(self):
        x = self.array()
        axes = list(self.rng.permutation(x.ndim) - x.ndim * self.rng.integers(0, 2, x.ndim))
        if self.rng.random() < 0.2:
            axes = []
        self.case("transpose", self.add(x), axes, want=lambda: x.transpose(axes or None))

    def moveaxis(self):
        x = self.array(1)
        source, destination = self.axis(x), self.axis(x)
        function = self.pick(["moveaxis", "swapaxes"])
        self.case(function, self.add(x), source, destination, want=lambda: getattr(np, function)(x, source, destination))

    def expand_dims(self):
        x = self.array()
        axis = self.number(-x.ndim - 2, x.ndim + 2)
        self.case("expand_dims", self.add(x), axis, want=lambda: np.expand_dims(x, axis))

    def squeeze(self):
        x = self.array(shapes=[shape for shape in SHAPES if 1 in shape] + [(3, 4), (1, 7, 1)])
        ones = [axis for axis, extent in enumerate(x.shape) if extent == 1]
        axes = [axis for axis in ones if self.rng.random() < 0.5]
        if self.rng.random() < 0.05:
            axes = [0]
        self.case("squeeze", self.add(x), axes, want=lambda: x.squeeze(tuple(axes) or None))

    def broadcast_to(self):
        x = self.array()
        shape = [self.number(0, 6) if extent == 1 and self.rng.random() < 0.7 else extent for extent in x.shape]
        shape = [self.number(1, 4) for _ in range(self.number(0, 3))] + shape
        if self.rng.random() < 0.05:
            shape = shape[1:]
        self.case("broadcast_to", self.add(x), shape, want=lambda: np.broadcast_to(x, shape))

    def meshgrid(self):
        lines = [self.array(shapes=[(), (1,), (0,), (2,), (13,), (29,)]) for _ in range(self.number(1, 4))]
        indexing = self.pick(["xy", "ij"])
        self.case("meshgrid", indexing, *[self.add(line) for line in lines],
                  want=lambda: list(np.meshgrid(*lines, indexing=indexing)))

    def flip(self):
        x = self.array()
        axes = [axis - self.pick([0, x.ndim]) for axis in range(x.ndim) if self.rng.random() < 0.5]
        self.case("flip", self.add(x), axes, want=lambda: np.flip(x, tuple(axes) or None))

    def roll(self):
        x = self.array(1)
        axes = [self.axis(x) for _ in range(self.number(1, 3))]
        shifts = [self.number(-40, 40) for _ in axes]
        self.case("roll", self.add(x), shifts, axes, want=lambda: np.roll(x, shifts, axes))

    def roll_flat(self):
        x = self.array()
        shift = self.number(-40, 40)
        self.case("roll_flat", self.add(x), shift, want=lambda: np.roll(x, shift))

    def pad(self):
        x = self.array(1, shapes=[shape for shape in SHAPES if 1 <= len(shape) < 4])
        most = self.pick([3, 3, 30])
        widths = [(self.number(0, most), self.number(0, most)) for _ in range(self.pick([1, x.ndim]))]
        mode = self.pick(["constant", "edge", "reflect", "symmetric", "wrap"])
        value = self.pick([0, 1])
        options = {"constant_values": value} if mode == "constant" else {}
        self.case("pad", self.add(x), [width for pair in widths for width in pair], mode, value,
                  want=lambda: np.pad(x, widths, mode, **options))

    def tile(self):
        x = self.array(shapes=SHAPES)
        times = [self.pick([0, 1, 2, 3, 9]) for _ in range(self.number(1, 4))]
        self.case("tile", self.add(x), times, want=lambda: np.tile(x, times))

    def repeat(self):
        x = self.array(1)
        axis, times = self.axis(x), self.pick([0, 1, 2, 3, 17, 50, -1])
        # of nothing NumPy takes a negative count for 0
        self.case("repeat", self.add(x), times, axis, want=lambda: np.repeat(x, times, axis),
                  errors=("InvalidArgument",) if times < 0 else ())

    def repeat_each(self):
        x = self.array(1)
        axis = self.axis(x, 0)
        counts = self.rng.integers(0, self.pick([1, 2, 4, 9]), x.shape[axis])
        if self.rng.random() < 0.1:
            counts = counts[:1]
        if self.rng.random() < 0.05:
            counts = np.append(counts, [1, 2])  # too many
        counts = counts.astype(self.pick([np.int8, np.int64, np.uint16, np.uint64, np.bool_]))
        errors = ()
        if counts.dtype == np.int64 and counts.shape == (x.shape[axis],) and counts.size > 1 and self.rng.random() < 0.1:
            counts[self.number(0, counts.size)], errors = -1, ("DataError",)
        if self.rng.random() < 0.03:
            counts, errors = counts.astype(np.float64), ("InvalidArgument",)
        self.case("repeat_each", self.add(x), self.add(counts), axis, errors=errors,
                  want=None if errors else lambda: np.repeat(x, counts.astype(np.int64), axis))

    def diff(self):
        x = self.array(1, dtypes=["b8", "i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64", "f32", "f64", "c128"])
        order, axis = self.pick([0, 1, 1, 2, 3, -1]), self.axis(x)
        # NumPy does not look at the axis of no differences
        self.case("diff", self.add(x), order, axis, want=lambda: np.diff(x, order, axis),
                  errors=() if -x.ndim <= axis < x.ndim else ("InvalidArgument",))

    def coarsen(self):
        x = self.array(1, shapes=[shape for shape in SHAPES + LARGE if 0 < len(shape) < 4],
                       dtypes=["b8", "i8", "u16", "i32", "f32", "f64"])
        if x.dtype.kind == "f":
            x = self.rng.uniform(0.5, 2, x.shape).astype(x.dtype)
        factors = [self.pick([1, 1, 2, 3, 4]) for _ in x.shape]
        trim = self.pick(["trim", "trim", "trim", "no"])
        how = self.pick(["sum", "mean", "min", "max"])

        def want():
            if trim == "no" and any(extent % factor for extent, factor in zip(x.shape, factors)):
                raise ValueError
            whole = x[tuple(slice(extent // factor * factor) for extent, factor in zip(x.shape, factors))]
            blocks = whole.reshape([n for extent, factor in zip(x.shape, factors) for n in (extent // factor, factor)])
            axes = tuple(range(1, blocks.ndim, 2))
            if x.dtype.kind == "f" and how in ("sum", "mean"):
                return getattr(blocks.astype(np.longdouble), how)(axes).astype(x.dtype)
            return getattr(blocks, how)(axes)

        self.case("coarsen", self.add(x), how, factors, trim, want=want,
                  bound=2 if how in ("sum", "mean") else None)

    def with_split_axis(self):
        x = self.array(1)
        self.case("with_split_axis", self.add(x), self.number(0, x.ndim), want=x)

    def balanced(self):
        x = self.array(1)
        self.case("balance", self.add(x), want=x)

    FUNCTIONS = [slice, slice, take_index, take, take, put, put, compress_axis, compress, flatnonzero, argwhere, nonzero,
                 concatenate, concatenate, stack, split, split_at, reshape, reshape, ravel, transpose, moveaxis,
                 expand_dims, squeeze, broadcast_to, meshgrid, flip, roll, roll_flat, pad, pad, tile, repeat,
                 repeat_each, repeat_each, diff, coarsen, with_split_axis, balanced]


def run(folder, ranks, tiles, threads, **variables):
    return case_results.run(RUNNER, folder, ranks, tiles, threads, 250 * max(1, TIMES), **variables)


def wrong_with(want, errors, bound, found):
    """What is wrong; None where all is right."""
    if isinstance(found, tuple):
        return None if found[0] in errors else f"{found[0]}: {found[1]}; not {want!r:.200}"
    if errors:
        return f"no error, but {found[0][0]!r:.200}"
    arrays = [array for array, _ in found[::2]]
    if len(arrays) != len(want):
        return f"{len(arrays)} arrays, not {len(want)}"
    for got, one in zip(arrays, want):
        if got.dtype != one.dtype or got.shape != one.shape:
            return f"{got.dtype} {got.shape}, not {one.dtype} {one.shape}"
        if bound is not None and got.dtype.kind == "f":
            if not np.all(np.abs(got - one) <= bound * np.spacing(np.abs(one))):
                return f"{got!r:.300}, not {one!r:.300}"
        elif got.tobytes() != np.ascontiguousarray(one).tobytes():
            if got.dtype.kind in "fc" and np.array_equal(got, one, equal_nan=True):
                continue
            return f"{got!r:.300}, not {one!r:.300}"
    return None


def check_faults(folder, rng, usual):
    """What fails on one rank alone is an error on all of them, and the next call works again."""
    failures, hits, tries = [], 0, 0
    # a step beyond the last allocation fails nothing
    while tries < 3 * max(1, TIMES) or (hits == 0 and tries < 50):
        tries += 1
        fault = f"allocate:rank={rng.integers(3)},step={rng.integers(1, 1500)}"
        results, code = run(folder, 3, 16384, 1, SERRIED_FAULT=fault)
        changed = [] if code else [found for (found, _), (one, _) in zip(parse(results), parse(usual))
                                   if not same(found, one)]
        hits += len(changed)
        if code or len(changed) > 1 or any(not isinstance(found, tuple) or found[0] != "RankError" for found in changed):
            failures.append(f"SERRIED_FAULT={fault}: exit code {code}, {changed!r:.300}")
    if hits == 0:
        failures.append("no allocation has failed in a call")
    return failures


def same(found, other):
    if isinstance(found, tuple) or isinstance(other, tuple):
        return found == other
    return all(a.tobytes() == b.tobytes() for (a, _), (b, _) in zip(found, other))


def main():
    print(f"SERRIED_TEST_SEED={SEED}", flush=True)
    maker = Maker(np.random.default_rng(SEED))
    for _ in range(max(1, int(12 * TIMES))):
        for function in Maker.FUNCTIONS:
            function(maker)
    failures = []
    with tempfile.TemporaryDirectory(prefix="serried_shape_") as folder:
        with open(os.path.join(folder, "data"), "wb") as file:
            file.write(maker.data)
        with open(os.path.join(folder, "cases"), "w", encoding="utf-8") as file:
            file.writelines(line + "\n" for line in maker.lines)
        first = {}
        for ranks, tiles, threads in RUNS:
            begin = time.time()
            results, code = run(folder, ranks, tiles, threads)
            what = f"{ranks} ranks, {tiles} tiles, {threads} threads"
            print(f"{what}: {len(maker.cases)} cases in {time.time() - begin:.1f} s", flush=True)
            if code != 0:
                at = len(parse(results)) if code else 0
                failures.append(f"{what}: ended in case {maker.cases[min(at, len(maker.cases) - 1)][0]}")
            elif tiles not in first:
                first[tiles] = results
                for (line, want, errors, bound), (found, _) in zip(maker.cases, parse(results)):
                    wrong = wrong_with(want, errors, bound, found)
                    if wrong:
                        failures.append(f"{what}: {line}\n    {wrong}")
            elif results != first[tiles]:
                for (line, *_), one, other in zip(maker.cases, parse(first[tiles]), parse(results)):
                    if one[1] != other[1]:
                        failures.append(f"{what}: not the bits and tiles of the first run: {line}\n    "
                                        f"{one[0]!r:.300}\n    {other[0]!r:.300}")
        if 16384 in first:
            failures += check_faults(folder, np.random.default_rng(SEED), first[16384])
    for failure in failures[:60]:
        print(failure)
    print(f"{len(failures)} failures; SERRIED_TEST_SEED={SEED} repeats them" if failures else "all as in NumPy")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
