"""Runs programs that read files of cases, and parses the results that tests/support/case_file.hpp writes."""

import os
import struct
import subprocess

import numpy as np

DTYPES = {"b8": np.bool_, "i8": np.int8, "u8": np.uint8, "i16": np.int16, "u16": np.uint16, "i32": np.int32,
          "u32": np.uint32, "i64": np.int64, "u64": np.uint64, "f16": np.float16, "f32": np.float32,
          "f64": np.float64, "c64": np.complex64, "c128": np.complex128}
NAME_OF = {np.dtype(dtype): name for name, dtype in DTYPES.items()}


def run(runner, folder, ranks, tiles, threads, seconds, **variables):
    """What a runner writes of the folder's cases and data, and its exit code."""
    output = os.path.join(folder, "output")
    done = subprocess.run([os.environ.get("MPIEXEC", "mpirun"), os.environ.get("MPIEXEC_NUMPROC_FLAG", "-n"), str(ranks),
                           runner, os.path.join(folder, "cases"), os.path.join(folder, "data"), output, str(tiles)],
                          capture_output=True, text=True, timeout=seconds, stdin=subprocess.DEVNULL,
                          env=dict(os.environ, OMP_NUM_THREADS=str(threads), **variables))
    results = b""
    if os.path.exists(output):
        with open(output, "rb") as file:
            results = file.read()
        os.remove(output)
    if done.returncode != 0:
        print(f"{ranks} ranks, {tiles} tiles: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return results, done.returncode


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
