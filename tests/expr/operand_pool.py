"""Operands for random expressions: arrays of every dtype and of many shapes, with the places where they lie."""

import itertools

import numpy as np

from case_results import DTYPES, NAME_OF

# Families whose members are broadcast together. Fewer rows than ranks, one row, no rows, no columns among them.
FAMILIES = [
    [(), (1,), (5,)],
    [(), (0,), (1,)],
    [(23,), (1,), ()],
    [(3, 4), (1, 4), (3, 1), (4,), (1,)],
    [(0, 4), (1, 4), (4,)],
    [(5, 0), (5, 1), (1, 0)],
    [(41, 3), (3,), (1, 3), (41, 1)],
    [(2, 3, 4), (2, 1, 4), (3, 1), (1, 3, 1), (4,)],
    [(9, 2, 3), (1, 2, 3), (9, 1, 1), (2, 3)],
    [(2, 3, 2, 5), (2, 5), (1, 3, 1, 5), (2, 1, 1, 1), (3, 2, 1)],
]
LARGE = [((600011,), "f32"), ((600011,), "i16"), ((200003, 4), "f64"), ((3, 210000), "f16")]


def special_values(dtype):
    kind = np.dtype(dtype).kind
    if kind == "b":
        return [False, True]
    if kind in "iu":
        info = np.iinfo(dtype)
        return [0, 1, 2, 3, 7, info.max, info.max - 1, info.min, info.min + 1, info.max // 2, info.max // 2 + 1]
    part = {np.complex64: np.float32, np.complex128: np.float64}.get(dtype, dtype)
    info = np.finfo(part)
    real = [0.0, -0.0, np.nan, np.inf, -np.inf, 1.0, -1.0, 0.5, -2.5, 1.5, 2.0, 3.0, 100.5, info.max, -info.max,
            info.tiny, info.smallest_subnormal, 1 + info.eps, 1 - info.eps / 2, 65504.0, 1 / 3,
            # halfway between two f16 and a bit above, in f64 alone: rounding twice goes wrong
            1 + 2.0**-11 + 2.0**-30, 2.0**31, -2.0**31, 2.0**63, 255.0, 256.0, -128.0, 1e-8]
    with np.errstate(all="ignore"):
        if kind == "f":
            return [part(v) for v in real]
        return [complex(part(a), part(b)) for a, b in zip(real, real[7:] + real[:7])]


def wild(rng, shape, dtype):
    """Special values, small numbers and any bits."""
    count = int(np.prod(shape))
    kind = np.dtype(dtype).kind
    special = np.array(special_values(dtype), dtype=dtype)
    chosen = special[rng.integers(0, len(special), count)]
    if kind == "b":
        return chosen.reshape(shape)
    with np.errstate(all="ignore"):
        if kind in "iu":
            small = rng.integers(-6 if kind == "i" else 0, 12, count).astype(dtype)
            any_bits = rng.integers(0, 256, count * np.dtype(dtype).itemsize, dtype=np.uint8).view(dtype)
        else:
            small = rng.normal(0, 4, count).astype(dtype)
            any_bits = (rng.normal(0, 1, count) * 10.0 ** rng.integers(-30, 30, count)).astype(dtype)
            if kind == "c":
                small = (small + 1j * rng.normal(0, 4, count)).astype(dtype)
    which = rng.integers(0, 10, count)
    return np.where(which < 3, chosen, np.where(which < 8, small, any_bits)).astype(dtype).reshape(shape)


def tame(rng, shape, dtype):
    """Small numbers above 0, for which sums and functions are well conditioned."""
    count = int(np.prod(shape))
    kind = np.dtype(dtype).kind
    if kind == "b":
        return rng.integers(0, 2, count).astype(dtype).reshape(shape)
    if kind in "iu":
        return rng.integers(1, 5, count).astype(dtype).reshape(shape)
    values = rng.uniform(0.5, 2, count)
    if kind == "c":
        values = values + 1j * rng.uniform(0.5, 2, count)
    return values.astype(dtype).reshape(shape)


class Operand:
    def __init__(self, name, array, place, is_tame):
        self.name, self.array, self.place, self.is_tame = name, array, place, is_tame


class Pool:
    """All operands of a run, with the bytes that the program reads them from."""

    def __init__(self, rng):
        self.rng = rng
        self.data = bytearray()
        self.lines = []
        self.families = []
        numbers = itertools.count()
        for shapes in FAMILIES:
            family = []
            for dtype, is_tame, turn in itertools.product(DTYPES, (False, True), (0, 1)):
                shape = shapes[0] if turn == 0 else shapes[rng.integers(len(shapes))]
                array = (tame if is_tame else wild)(rng, shape, DTYPES[dtype])
                family.append(self.add(f"{'t' if is_tame else 'w'}{dtype}_{next(numbers)}", array, is_tame))
            self.families.append(family)
        self.large = [self.add(f"large_{dtype}_{next(numbers)}",
                               (np.arange(np.prod(shape)) % 1009 + rng.integers(0, 5, int(np.prod(shape))))
                               .astype(DTYPES[dtype]).reshape(shape), True) for shape, dtype in LARGE]

        # of a file, which is read at each evaluation
        self.on_disk = rng.uniform(0.5, 2, (1013, 3)).astype(np.float32)

    def add(self, name, array, is_tame, place=None):
        array = np.ascontiguousarray(array).reshape(array.shape)
        if place is None:
            places = ["r"] if array.ndim == 0 else ["r", "f"] + [str(axis) for axis in range(array.ndim)] * 2
            place = places[self.rng.integers(len(places))]
        self.data += bytes(-len(self.data) % 16)
        extents = ",".join(str(extent) for extent in array.shape)
        self.lines.append(f"operand\t{name}\t{NAME_OF[array.dtype]}\t{extents}\t{place}\t{len(self.data)}")
        self.data += array.tobytes()
        return Operand(name, array, place, is_tame)

    def choose(self, family, dtypes, is_tame=False):
        """An operand of a family with one of the dtypes."""
        found = [operand for operand in family
                 if NAME_OF[operand.array.dtype] in dtypes and operand.is_tame == is_tame]
        return found[self.rng.integers(len(found))]

    def any_family(self):
        return self.families[self.rng.integers(len(self.families))]
