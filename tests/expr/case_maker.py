"""Random expressions with what NumPy makes of them."""

import math

import numpy as np
from functions import (ALL, CASTS, COMPLEX, COMPLEX_INVERSE, COMPLEX_UNARY, EXACT_BINARY, EXACT_UNARY, FLOATS, INTEGERS,
                       NEAR_BINARY, NEAR_UNARY, REAL, SCIPY, ZEROS_ARE_EQUAL, cast, clip, ldexp, log_gamma, where)
from operand_pool import DTYPES, NAME_OF
from reductions import EXACT, HAS_NAN_FORM, SUMS, TAKES_WEIGHTS, reduce

SIGNS = {"+", "-", "*", "/", "//", "%", "<", "<=", ">", ">=", "==", "!=", "&", "|", "<<", ">>", "and", "or", "&&", "||",
         "**", "^"}
COMPLEX_FUNCTIONS = COMPLEX_UNARY + list(COMPLEX_INVERSE) + ["square", "reciprocal", "sign", "abs", "angle", "/", "*",
                                                             "pow"]
MINDS_ZERO_SIGN = {"/", "//", "%", "reciprocal", "signbit", "copysign", "remainder", "mod", "fmod", "floor_divide",
                   "nextafter", "complex", "sqrt"}


class Node:
    """A part of an expression: its text, what NumPy says it is, and whether an element of it has no value."""

    def __init__(self, text, value, has_failed=False, loose_zeros=False):
        self.text, self.value = text, value
        self.has_failed, self.loose_zeros = has_failed, loose_zeros

    @property
    def is_number(self):
        return isinstance(self.value, (bool, int, float, complex))


class Case:
    """A text and what must come out: values with the error that they may have, or kinds of errors."""

    def __init__(self, text, want=None, bounds=None, ulps=0, errors=(), may_fail=False, loose_zeros=False):
        self.text, self.want = text, None if want is None else np.asarray(want)
        self.bounds, self.ulps = bounds, ulps
        self.errors, self.may_fail, self.loose_zeros = errors, may_fail, loose_zeros
        self.is_alone = bool(errors)


def text_of_call(name, texts):
    if len(texts) == 2 and name in SIGNS:
        return f"({texts[0]} {name} {texts[1]})"
    if len(texts) == 1 and name in ("-", "+", "~", "!", "not "):
        return f"({name}{texts[0]})"
    return f"{name}({', '.join(texts)})"


def has_computed_nan(node):
    """The sign of a NaN that a function has made is anybody's."""
    return "(" in node.text and np.asarray(node.value).dtype.kind in "fc" and bool(np.isnan(node.value).any())


def apply(name, function, nodes):
    """The function of the nodes, or None where NumPy has none of these."""
    if any(node.loose_zeros for node in nodes) and name in MINDS_ZERO_SIGN:
        return None
    values = [node.value for node in nodes]
    if name in ("signbit", "copysign") and has_computed_nan(nodes[-1]):
        return None
    has_failed = any(node.has_failed for node in nodes)
    try:
        with np.errstate(all="ignore"):
            value = function(*values)
    except ValueError as error:
        if "negative integer powers" not in str(error):
            return None
        has_failed = True
        with np.errstate(all="ignore"):
            value = function(values[0], values[1] * 0)
    except (TypeError, OverflowError):
        return None
    value = np.asarray(value)
    if value.dtype not in NAME_OF:
        return None
    if value.size == 0 and has_failed:
        has_failed = "maybe"
    loose = any(node.loose_zeros for node in nodes) or name in ZEROS_ARE_EQUAL
    return Node(text_of_call(name, [node.text for node in nodes]), value, has_failed, loose)


class Maker:
    def __init__(self, rng, pool):
        self.rng, self.pool = rng, pool

    def pick(self, sequence):
        return sequence[self.rng.integers(len(sequence))]

    def leaf(self, family, dtypes=tuple(ALL), is_tame=False):
        operand = self.pool.choose(family, dtypes, is_tame)
        return Node(operand.name, operand.array)

    def scalar(self, dtypes):
        kinds = ["int", "float", "bool"] if "f64" in dtypes else ["int", "bool"]
        kind = self.pick(kinds + ["int"])
        if kind == "bool":
            value = bool(self.rng.integers(2))
            return Node("true" if value else "false", value)
        if kind == "int":
            value = int(self.pick([0, 1, 2, 3, 5, 7, 100, 127, 255]))
            return Node(str(value), value)
        value = self.pick([0.5, 1.0, 0.1, 2.5, 1e3, 1e-3, math.inf, math.nan])
        return Node(repr(value), value)

    # --- one function of operands ---

    def exact_unary(self, entry=None, name=None):
        names, function, dtypes = entry or self.pick(EXACT_UNARY)
        return apply(name or self.pick(names), function, [self.leaf(self.pool.any_family(), dtypes)])

    def exact_binary(self, entry=None):
        name, function, dtypes = entry or self.pick(EXACT_BINARY)
        family = self.pool.any_family()
        nodes = [self.leaf(family, dtypes), self.leaf(family, dtypes)]
        if self.rng.random() < 0.2 and name != "isclose":
            nodes[self.rng.integers(2)] = self.scalar(dtypes)
        if name in ("**", "^", "pow", "power") and self.rng.random() < 0.7:
            # most powers are not negative
            exponent = Node(f"abs(({nodes[1].text} % 9))", abs(nodes[1].value % 9)) if not nodes[1].is_number \
                else Node("3", 3)
            nodes[1] = exponent
        node = apply(name, function, nodes)
        if node is None or (name in ("**", "^", "pow", "power") and node.value.dtype.kind not in "iu"):
            return None
        return node

    def exact_other(self, which=None):
        family = self.pool.any_family()
        which = self.rng.integers(6) if which is None else which
        if which == 0:
            dtypes = self.pick([REAL[1:9], FLOATS])
            return apply("clip", clip, [self.leaf(family, dtypes), self.leaf(family, dtypes), self.scalar(dtypes)])
        if which == 1:
            return apply("where", where, [self.leaf(family), self.leaf(family), self.leaf(family)])
        if which == 2:
            return apply("ldexp", ldexp, [self.leaf(family, REAL), self.leaf(family, REAL[:9])])
        if which == 3:
            return self.cast_of(self.leaf(family))
        if which == 4:
            decimals = int(self.rng.integers(0, 3))
            return apply(f"round_{decimals}", lambda x: np.round(x, decimals), [self.leaf(family, ["f32", "f64"])])
        return self.index_of(self.leaf(family))

    def cast_of(self, node, to=None, name=None):
        if node.is_number:
            return None
        kind = np.asarray(node.value).dtype.kind
        to = to or self.pick(COMPLEX + ["b8"] if kind == "c" else ALL)
        value, has_failed = cast(node.value, DTYPES[to])
        text = f"{name or self.pick(CASTS[to])}({node.text})"
        return Node(text, value, has_failed or node.has_failed, node.loose_zeros)

    def index_of(self, node):
        if node.is_number or np.ndim(node.value) == 0:
            return None
        axis = int(self.rng.integers(-np.ndim(node.value), np.ndim(node.value)))
        shape = [1] * np.ndim(node.value)
        shape[axis] = node.value.shape[axis]
        failed = "maybe" if node.has_failed else False
        return Node(f"index({node.text}, {axis})", np.arange(shape[axis]).reshape(shape), failed)

    def each_spelling(self):
        """What makes a case of each function under each of its names: of nodes, of cases, of reductions."""
        nodes = [lambda e=entry, n=name: self.exact_unary(e, n) for entry in EXACT_UNARY for name in entry[0]]
        nodes += [lambda e=entry: self.exact_binary(e) for entry in EXACT_BINARY]
        nodes += [lambda w=which: self.exact_other(w) for which in range(6)]
        nodes += [lambda t=to, n=name: self.cast_of(self.leaf(self.pool.families[6], (t,)), t, n)
                  for to, names in CASTS.items() for name in names]
        cases = [lambda e=entry, n=name: self.near_unary(e, n) for entry in NEAR_UNARY for name in entry[0]]
        cases += [lambda e=entry, n=name: self.near_binary(e, n) for entry in NEAR_BINARY for name in entry[0]]
        reductions = [lambda n=name, s=skips: self.reduction(names=[n], skips=s) for name in SUMS + EXACT
                      for skips in ((False, True) if name in HAS_NAN_FORM else (False,))]
        return nodes, cases, reductions

    # --- functions that are near ---

    def near_unary(self, entry=None, name=None):
        names, function, ulps = entry or self.pick(NEAR_UNARY)
        name = name or self.pick(names)
        leaf = self.leaf(self.pool.any_family(), FLOATS + FLOATS + REAL, self.rng.random() < 0.3)
        return self.near_case(text_of_call(name, [leaf.text]), function, [leaf], ulps, name in SCIPY)

    def near_binary(self, entry=None, name=None):
        names, function, ulps = entry or self.pick(NEAR_BINARY)
        name = name or self.pick(names)
        family = self.pool.any_family()
        dtypes = FLOATS if name in ("pow", "power") else FLOATS + REAL
        nodes = [self.leaf(family, dtypes), self.leaf(family, dtypes)]
        return self.near_case(text_of_call(name, [node.text for node in nodes]), function, nodes, ulps, False)

    def near_case(self, text, function, nodes, ulps, is_scipy):
        # of SciPy's functions the dtype is NumPy's for any other
        like = np.sqrt if is_scipy else function
        dtype = like(*[np.zeros(0, node.value.dtype) for node in nodes]).dtype
        wide = np.float64 if is_scipy else np.longdouble
        with np.errstate(all="ignore"):
            want = function(*[node.value.astype(dtype).astype(wide) for node in nodes])
        # near the zeros of log_gamma below 0 its error is absolute
        bounds = np.full(np.shape(want), 4e-15) if function is log_gamma else None
        case = Case(text, np.asarray(want), bounds=bounds, ulps=ulps)
        case.dtype = dtype
        return case

    def near_complex(self, name):
        leaf = self.leaf(self.pool.any_family(), COMPLEX, True)
        wide = leaf.value.astype(np.clongdouble)
        if name in ("/", "*", "pow"):
            other = self.leaf(self.pool.families[0], COMPLEX, True)
            function = {"/": np.divide, "*": np.multiply, "pow": np.power}[name]
            if other.value.shape != ():
                return None
            case = Case(text_of_call(name, [leaf.text, other.text]),
                        function(wide, other.value.astype(np.clongdouble)), ulps=16)
            case.dtype = np.result_type(leaf.value, other.value)
            return case
        function = COMPLEX_INVERSE.get(name) or {"sign": lambda z: z / np.abs(z)}.get(name) or getattr(np, name)
        case = Case(f"{name}({leaf.text})", function(wide), ulps=16)
        case.dtype = np.zeros(0, leaf.value.dtype).real.dtype if name in ("abs", "angle") else leaf.value.dtype
        return case

    # --- reductions ---

    def axes_of(self, dimensions):
        """The axes, and their text."""
        which = self.rng.integers(4)
        if dimensions == 0 or which == 0:
            return None, ""
        if which == 1:
            axis = int(self.rng.integers(-dimensions, dimensions))
            return [axis], f", axis={axis}"
        count = int(self.rng.integers(1, dimensions + 1))
        axes = [int(axis) for axis in self.rng.permutation(dimensions)[:count]]
        return axes, f", axis=[{', '.join(map(str, axes))}]" if which == 2 else f", axis=({', '.join(map(str, axes))},)"

    def reduction(self, node=None, names=None, keepdims=None, skips=None):
        """A reduction of a node, or of an operand; (node, bounds) or None."""
        family = self.pool.any_family()
        name = self.pick(names or SUMS + EXACT)
        if node is None:
            tame = name in SUMS and self.rng.random() < 0.7
            node = self.leaf(family, tuple(ALL), tame)
        if node.is_number:
            return None
        x = np.asarray(node.value)
        if x.dtype.kind == "c" and name in ("min", "max", "amin", "amax", "ptp", "argmin", "argmax"):
            return None
        if x.dtype.kind == "b" and name == "ptp":
            return None
        axes, axis_text = self.axes_of(x.ndim)
        keeps = bool(self.rng.integers(2)) if keepdims is None else keepdims
        mask, weights, options = None, None, axis_text + (", keepdims=true" if keeps else "")
        if self.rng.random() < 0.4:
            chosen = self.leaf(family)
            if self.fits(chosen, x):
                mask = chosen.value
                options += f", where={chosen.text}"
        if name in TAKES_WEIGHTS and x.dtype.kind != "c" and self.rng.random() < 0.3 and \
                np.isfinite(x.astype(np.float64)).all():
            chosen = self.leaf(family, FLOATS, True)
            if self.fits(chosen, x):
                weights = chosen.value
                options += f", weights={chosen.text}"
        ddof = 0
        if name in ("var", "std") and self.rng.random() < 0.5:
            ddof = int(self.rng.integers(0, 3))
            options += f", ddof={ddof}"
        if skips is None:
            skips = name in HAS_NAN_FORM and self.rng.random() < 0.3
        reduced = range(x.ndim) if axes is None else axes
        if name in ("min", "max", "amin", "amax", "ptp", "argmin", "argmax") and \
                any(x.shape[axis] == 0 for axis in reduced):
            return None
        value, bounds, has_failed = reduce(name, x, axes, keeps, mask, skips, weights, ddof)
        has_failed = has_failed or node.has_failed
        if has_failed and (value.size == 0 or name == "count"):  # what is counted need not be computed
            has_failed = "maybe"
        text = f"{'nan' if skips else ''}{name}({node.text}{options})"
        return Node(text, value, has_failed, node.loose_zeros or name in ZEROS_ARE_EQUAL), bounds

    @staticmethod
    def fits(node, x):
        try:
            return np.broadcast_shapes(np.shape(node.value), x.shape) == x.shape
        except ValueError:
            return False

    # --- expressions of several functions, each of them exact ---

    def tree(self, family, depth):
        if depth == 0:
            return self.leaf(family) if self.rng.random() < 0.85 else self.scalar(tuple(ALL))
        for _ in range(50):
            node = self.try_tree(family, depth)
            if node is not None:
                return node
        return self.leaf(family)

    def try_tree(self, family, depth):
        which = self.rng.random()
        below = lambda: self.tree(family, int(self.rng.integers(0, depth)))  # noqa: E731
        if which < 0.2:
            names, function, dtypes = self.pick(EXACT_UNARY)
            node = below()
            if node.is_number or NAME_OF[node.value.dtype] not in dtypes:
                return None
            return apply(self.pick(names), function, [node])
        if which < 0.6:
            name, function, dtypes = self.pick(EXACT_BINARY)
            nodes = [below(), below()]
            if all(node.is_number for node in nodes) or (name == "isclose" and any(n.is_number for n in nodes)):
                return None
            if any(not node.is_number and NAME_OF[node.value.dtype] not in dtypes for node in nodes):
                return None
            node = apply(name, function, nodes)
            if node is None or (name in ("**", "^", "pow", "power") and node.value.dtype.kind not in "iu"):
                return None
            if name == "*" and node.value.dtype.kind == "c":
                return None
            return node
        if which < 0.7:
            return self.cast_of(below())
        if which < 0.8:
            nodes = [below(), below(), below()]
            if nodes[0].is_number or nodes[1].is_number and nodes[2].is_number:
                return None
            return apply("where", where, nodes)
        if which < 0.85:
            return self.index_of(below())
        node = below()
        if not node.is_number and node.value.size > 5000:
            return None
        found = self.reduction(node, EXACT, True if self.rng.random() < 0.7 else None)
        if found is None:
            return None
        try:
            np.broadcast_shapes(found[0].value.shape, *[np.shape(o.array) for o in family])
        except ValueError:
            return None
        return found[0]

    # --- inexact ones, of numbers for which they are well conditioned ---

    def smooth(self, family, dtype, depth):
        """A text, its value in long doubles, and the largest number on the way."""
        if depth == 0:
            leaf = self.leaf(family, (dtype,), True)
            return leaf.text, leaf.value.astype(np.longdouble), 2.0
        which = self.rng.integers(8)
        text, value, most = self.smooth(family, dtype, depth - 1)
        if which < 3:
            other, second, more = self.smooth(family, dtype, int(self.rng.integers(0, depth)))
            sign, function = self.pick([("+", np.add), ("-", np.subtract), ("*", np.multiply)])
            text, value, most = f"({text} {sign} {other})", function(value, second), max(most, more)
        elif which < 5:
            name, function = self.pick([("sin", np.sin), ("cos", np.cos), ("tanh", np.tanh), ("atan", np.arctan),
                                        ("square", np.square), ("sqrt", None)])
            if function is None:
                text, value = f"sqrt(1 + square({text}))", np.sqrt(1 + np.square(value))
            else:
                text, value = f"{name}({text})", function(value)
        elif value.size > 0:
            name, function = self.pick([("mean", np.mean), ("std", np.std), ("max", np.max), ("min", np.min),
                                        ("nanmean", np.mean), ("var", np.var)])
            axis = int(self.rng.integers(-value.ndim, value.ndim)) if value.ndim and self.rng.integers(2) else None
            own = np.asarray(function(value, axis=axis, keepdims=True))
            inner = f"{name}({text}{'' if axis is None else f', axis={axis}'}, keepdims=true)"
            if name in ("std", "var"):
                text, value = f"({text} + {inner})", value + own
            else:
                text, value = f"({text} - {inner})", value - own
        return text, value, max(most, float(np.abs(value).max()) if value.size else 0.0)

    def smooth_case(self):
        dtype = self.pick(["f32", "f64"])
        text, value, most = self.smooth(self.pool.any_family(), dtype, int(self.rng.integers(1, 5)))
        if most > 1e6:
            return None
        case = Case(text, value, bounds=np.full(value.shape, 256 * np.finfo(DTYPES[dtype]).eps * max(1.0, most) ** 2))
        case.dtype = np.dtype(DTYPES[dtype])
        return case
