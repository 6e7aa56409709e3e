"""What each function of a text is in NumPy or SciPy, and how near to it a result must be."""

import math

import numpy as np
import scipy.special as special

REAL = ["b8", "i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64", "f16", "f32", "f64"]
INTEGERS = REAL[1:9]
FLOATS = REAL[9:]
COMPLEX = ["c64", "c128"]
ALL = REAL + COMPLEX


def is_whole(x):
    return np.asarray(x).dtype.kind in "biu"


def floating_of_integer(x):
    """What NumPy computes a function of this array in."""
    return np.sqrt(np.zeros(0, np.asarray(x).dtype)).dtype


def rounding(function):
    return lambda x: x if is_whole(x) else function(x)


def reciprocal(x):
    return np.divide(1, x) if is_whole(x) else np.reciprocal(x)


def sign(x):
    if np.asarray(x).dtype.kind == "c":
        with np.errstate(all="ignore"):
            return np.where(x == 0, 0, x / np.abs(x)).astype(x.dtype)
    return np.sign(x)


def make_complex(re, im):
    if isinstance(re, np.ndarray) and isinstance(im, np.ndarray):
        dtype = np.result_type(floating_of_integer(re), floating_of_integer(im))
    else:
        dtype = floating_of_integer(np.zeros(0, np.result_type(re, im)))
    part = np.float64 if dtype == np.float64 else np.float32
    shape = np.broadcast_shapes(np.shape(re), np.shape(im))
    result = np.empty(shape, np.complex128 if part == np.float64 else np.complex64)
    result.real, result.imag = np.asarray(re).astype(part), np.asarray(im).astype(part)
    return result


@np.vectorize(otypes=[float])
def log_gamma(x):
    """As C's; SciPy says inf of the smallest subnormal numbers, too, and -inf of -inf."""
    if math.isinf(x) or (x <= 0 and x == math.floor(x)):
        return math.inf
    try:
        return math.lgamma(x)
    except OverflowError:  # from 2.5e305 on
        return math.inf


def clip(x, low, high):
    return np.minimum(np.maximum(x, low), high)


def where(condition, a, b):
    """NumPy's, which alone of its functions wraps an integer that the result cannot hold: here too that is an error."""
    result = np.where(np.asarray(condition) != 0, a, b)
    for number in (a, b):
        if isinstance(number, int) and result.dtype.kind in "iu":
            bounds = np.iinfo(result.dtype)
            if not bounds.min <= number <= bounds.max:
                raise OverflowError(f"{number} is out of bounds for {result.dtype}")
    return result


def ldexp(x, exponent):
    # no exponent beyond these makes another number
    return np.ldexp(x, np.clip(np.asarray(exponent).astype(np.float64), -5000, 5000).astype(np.int32))


# Exact: the same numbers, bit by bit but for which NaN it is. Names are all spellings in texts.
EXACT_UNARY = [
    (["floor"], rounding(np.floor), REAL), (["ceil"], rounding(np.ceil), REAL),
    (["trunc", "fix"], rounding(np.trunc), REAL), (["round", "around", "rint"], rounding(np.round), REAL),
    (["abs", "absolute", "fabs"], np.abs, REAL), (["sign"], sign, INTEGERS + FLOATS),
    (["square"], np.square, REAL), (["reciprocal"], reciprocal, INTEGERS + FLOATS),
    (["real"], np.real, ALL), (["imag"], np.imag, ALL), (["conj", "conjugate"], np.conj, ALL),
    (["isnan"], np.isnan, ALL), (["isinf"], np.isinf, ALL), (["isfinite"], np.isfinite, ALL),
    (["signbit"], lambda x: np.asarray(x) < 0 if is_whole(x) else np.signbit(x), REAL),
    (["logical_not", "!", "not "], np.logical_not, ALL), (["bitwise_not", "invert", "~"], np.invert, REAL[:9]),
    (["-"], np.negative, INTEGERS + FLOATS + COMPLEX), (["+"], lambda x: x, ALL),
    (["sqrt"], np.sqrt, REAL),
    (["is_null"], lambda x: np.zeros(np.shape(x), np.bool_), ALL),
]
EXACT_BINARY = [
    ("+", np.add, ALL), ("-", np.subtract, INTEGERS + FLOATS + COMPLEX), ("*", np.multiply, REAL),
    ("/", np.true_divide, REAL), ("//", np.floor_divide, REAL), ("%", np.remainder, REAL),
    ("<", np.less, REAL), ("<=", np.less_equal, REAL), (">", np.greater, REAL), (">=", np.greater_equal, REAL),
    ("==", np.equal, ALL), ("!=", np.not_equal, ALL), ("&", np.bitwise_and, REAL[:9]),
    ("|", np.bitwise_or, REAL[:9]), ("<<", np.left_shift, REAL[:9]), (">>", np.right_shift, REAL[:9]),
    ("and", np.logical_and, ALL), ("or", np.logical_or, ALL), ("&&", np.logical_and, ALL),
    ("||", np.logical_or, ALL), ("**", np.power, INTEGERS), ("^", np.power, INTEGERS),
    ("floor_divide", np.floor_divide, REAL), ("remainder", np.remainder, REAL), ("mod", np.remainder, REAL),
    ("fmod", np.fmod, REAL), ("minimum", np.minimum, REAL), ("maximum", np.maximum, REAL), ("fmin", np.fmin, REAL),
    ("fmax", np.fmax, REAL), ("copysign", np.copysign, REAL), ("nextafter", np.nextafter, ["f32", "f64"]),
    ("logical_and", np.logical_and, ALL), ("logical_or", np.logical_or, ALL), ("logical_xor", np.logical_xor, ALL),
    ("xor", np.bitwise_xor, REAL[:9]), ("bitwise_xor", np.bitwise_xor, REAL[:9]),
    ("bitwise_and", np.bitwise_and, REAL[:9]), ("bitwise_or", np.bitwise_or, REAL[:9]),
    ("complex", make_complex, REAL), ("pow", np.power, INTEGERS), ("power", np.power, INTEGERS),
    ("fill_null", lambda x, y: where(True, x, y), ALL), ("isclose", np.isclose, REAL),
]
# For which the sign of a zero is anybody's.
ZEROS_ARE_EQUAL = {"minimum", "maximum", "fmin", "fmax", "clip", "sign", "min", "max", "amin", "amax", "ptp"}

# Near: names, the oracle in wider numbers (SciPy's functions have none), dtypes, ulp of the result's dtype. Where
# NumPy itself computes in long double, the error is that of Serried alone.
NEAR_UNARY = [
    (["cbrt"], np.cbrt, 1), (["exp"], np.exp, 1), (["exp2"], np.exp2, 1), (["expm1"], np.expm1, 1),
    (["log", "ln"], np.log, 1), (["log2"], np.log2, 1), (["log10"], np.log10, 1), (["log1p"], np.log1p, 1),
    (["sin"], np.sin, 1), (["cos"], np.cos, 1), (["tan"], np.tan, 1), (["asin", "arcsin"], np.arcsin, 1),
    (["acos", "arccos"], np.arccos, 1), (["atan", "arctan"], np.arctan, 1), (["sinh"], np.sinh, 1),
    (["cosh"], np.cosh, 1), (["tanh"], np.tanh, 1), (["asinh", "arcsinh"], np.arcsinh, 1),
    (["acosh", "arccosh"], np.arccosh, 1), (["atanh", "arctanh"], np.arctanh, 1),
    (["degrees", "rad2deg"], np.degrees, 1), (["radians", "deg2rad"], np.radians, 1),
    (["erf"], np.vectorize(math.erf, [float]), 2), (["erfc"], np.vectorize(math.erfc, [float]), 2),
    (["gamma"], special.gamma, 64),
    (["log_gamma", "lgamma", "gammaln"], log_gamma, 16),
]
NEAR_BINARY = [(["atan2", "arctan2"], np.arctan2, 1), (["hypot"], np.hypot, 1), (["pow", "power"], np.power, 1)]
COMPLEX_UNARY = ["sqrt", "exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh"]
COMPLEX_INVERSE = {"asin": np.arcsin, "acos": np.arccos, "atan": np.arctan, "asinh": np.arcsinh,
                   "acosh": np.arccosh, "atanh": np.arctanh}
SCIPY = {"erf", "erfc", "gamma", "log_gamma", "lgamma", "gammaln"}

CASTS = {"b8": ["b8", "bool"], "i8": ["i8", "int8"], "u8": ["u8", "uint8"], "i16": ["i16", "int16"],
         "u16": ["u16", "uint16"], "i32": ["i32", "int32"], "u32": ["u32", "uint32"], "i64": ["i64", "int64"],
         "u64": ["u64", "uint64"], "f16": ["f16", "float16"], "f32": ["f32", "float32"], "f64": ["f64", "float64"],
         "c64": ["c64", "complex64"], "c128": ["c128", "complex128"]}


def cast(x, dtype):
    """The numbers in another dtype, and whether one of them has no value in it."""
    x = np.asarray(x)
    with np.errstate(all="ignore"):
        converted = x.astype(dtype)
    if np.dtype(dtype).kind not in "iu" or x.dtype.kind == "b":
        return converted, False
    info = np.iinfo(dtype)
    if x.dtype.kind in "iu":
        return converted, any(not info.min <= int(v) <= info.max for v in x.ravel()) if x.size < 10000 \
            else bool(((x < info.min) | (x > info.max)).any())
    wide = np.trunc(x.astype(np.longdouble))
    with np.errstate(invalid="ignore"):
        return converted, not bool(((wide >= info.min) & (wide <= info.max)).all())
