"""The results that tests/support/case_file.hpp writes."""

import struct

import numpy as np

DTYPES = {"b8": np.bool_, "i8": np.int8, "u8": np.uint8, "i16": np.int16, "u16": np.uint16, "i32": np.int32,
          "u32": np.uint32, "i64": np.int64, "u64": np.uint64, "f16": np.float16, "f32": np.float32,
          "f64": np.float64, "c64": np.complex64, "c128": np.complex128}
NAME_OF = {np.dtype(dtype): name for name, dtype in DTYPES.items()}


def parse(results):
    """A list of arrays, or an error (kind, text), for each case."""
    at = 0

    def integer():
        nonlocal at
        at += 8
        return struct.unpack_from("<q", results, at - 8)[0]

    def text():
        nonlocal at
        size = integer()
        at += size
        return results[at - size:at].decode()

    parsed = []
    while at < len(results):
        begin = at
        count = integer()
        if count < 0:
            parsed.append(((text(), text()), results[begin:at]))
            continue
        arrays = []
        for _ in range(count):
            dtype = np.dtype(DTYPES[text()])
            dimensions = integer()
            split_axis = integer()
            shape = [integer() for _ in range(dimensions)]
            size = int(np.prod(shape, dtype=np.int64))
            arrays.append((np.frombuffer(results, dtype, size, at).reshape(shape), split_axis))
            at += size * dtype.itemsize
        parsed.append((arrays, results[begin:at]))
    return parsed
