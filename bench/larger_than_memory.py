#!/usr/bin/env python3
"""A file larger than `--memory`: the peak of all ranks together, and the time of a pass against a bare read of the file.

    bench/larger_than_memory.py [--gigabytes 6.4] [--memory 1G] [--work DIR] [--cgroup FOLDER]

Writes (once) a dataset of that size, rows of 32 f32, and runs `stats` (one pass) and `kmeans` (random init, one
iteration: four passes) as 1 and 2 ranks. Before each run the file is put out of the page cache; but kmeans reads it
several times, and from the second pass on finds it there, unless the node's memory is smaller: --cgroup runs
everything in a memory control group (an existing folder with a limit, e.g. 1700M, which needs its owner's rights).
Printed are the peaks as the kernel counts them (VmHWM, all ranks), and seconds for each pass over those of reading the
file by as many plain processes, 1 MiB at a time.
"""
import argparse
import json
import multiprocessing
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
MPI_ENVIRONMENT = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
KMEANS_PASSES = 4  # means, variances, one iteration, labels and inertia
COLUMNS = 32


def make_file(path: str, rows: int) -> None:
    import h5py
    import numpy as np

    random = np.random.default_rng(5)
    places = 3 * random.standard_normal((20, COLUMNS), dtype=np.float32)
    with h5py.File(path, "w") as file:
        data = file.create_dataset("x", (rows, COLUMNS), "f4")
        for begin in range(0, rows, 1_000_000):
            count = min(1_000_000, rows - begin)
            noise = random.standard_normal((count, COLUMNS), dtype=np.float32)
            data[begin : begin + count] = noise + places[random.integers(0, 20, count)]


def evict(path: str) -> None:
    with open(path, "rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def read_part(path: str, part: int, parts: int) -> None:
    size = os.path.getsize(path)
    buffer = bytearray(1 << 20)
    with open(path, "rb", buffering=0) as file:
        file.seek(size * part // parts)
        end = size * (part + 1) // parts
        while file.tell() < end and file.readinto(buffer):
            pass


def bare_read(path: str, ranks: int) -> float:
    evict(path)
    readers = [multiprocessing.Process(target=read_part, args=(path, r, ranks)) for r in range(ranks)]
    begin = time.perf_counter()
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    return time.perf_counter() - begin


def peak_bytes(report: str, ranks: int) -> float:
    """Of the table of ranks: `0-1 ... 566 MB - 567 MB`; the larger one counts for each rank of the row."""
    units = {"kB": 1e3, "MB": 1e6, "GB": 1e9}
    total = 0.0
    for line in report.splitlines():
        match = re.match(r"(\d+)(?:-(\d+))? .* host +(?:[\d.]+ [kMG]B - )?([\d.]+) ([kMG]B) ", line)
        if match:
            count = int(match[2] or match[1]) - int(match[1]) + 1
            total += count * float(match[3]) * units[match[4]]
    return total


def run(program: str, ranks: int, memory: str, *arguments: str) -> tuple[dict, float]:
    command = ["mpirun", "-n", str(ranks), program, *arguments, "--memory", memory, "--json", "--report", "-"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ | MPI_ENVIRONMENT)
    return json.loads(done.stdout), peak_bytes(done.stderr, ranks)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--serried", default=str(ROOT / "build/host/bin/serried"))
    parser.add_argument("--gigabytes", type=float, default=6.4)
    parser.add_argument("--memory", default="1G")
    parser.add_argument("--work", default=os.path.join(tempfile.gettempdir(), "serried_bench"))
    parser.add_argument("--cgroup", type=pathlib.Path)
    options = parser.parse_args()
    work = pathlib.Path(options.work)
    work.mkdir(parents=True, exist_ok=True)
    path = str(work / f"larger_than_memory_{options.gigabytes}.h5")
    if not os.path.exists(path):
        make_file(path + ".part", int(options.gigabytes * 1e9 / COLUMNS / 4))
        os.rename(path + ".part", path)
    if options.cgroup:
        (options.cgroup / "cgroup.procs").write_text(str(os.getpid()))
    for ranks in (1, 2):
        bare = min(bare_read(path, ranks) for _ in range(2))
        evict(path)
        stats, stats_peak = run(options.serried, ranks, options.memory, "stats", f"{path}:/x")
        evict(path)
        fit, fit_peak = run(options.serried, ranks, options.memory, "kmeans", f"{path}:/x", "--clusters", "20", "--init",
                            "random", "--max-iterations", "1")
        in_pass = fit["seconds"]["fit"] / KMEANS_PASSES
        print(
            f"{ranks} ranks, --memory {options.memory}: bare read {bare:.2f} s; stats {stats['seconds']['total']:.2f} s "
            f"({stats['seconds']['total'] / bare:.2f} times), peak {stats_peak / 1e9:.2f} GB; kmeans {in_pass:.2f} s a pass "
            f"({in_pass / bare:.2f} times), peak {fit_peak / 1e9:.2f} GB",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
