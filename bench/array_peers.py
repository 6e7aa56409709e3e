#!/usr/bin/env python3
"""Operations on arrays against NumPy, Dask Array and Heat: the same sizes and dtypes, in one run.

    bench/array_peers.py [--serried-bench build/host/bin/bench/array_operations] [--work DIR] [--repeats 5]
                         [--peers numpy,dask,heat] [--scale 1] [OPERATION...]

Serried and Heat run as 2 ranks of one thread (what is about small arrays: 1 rank), Dask with 2 processes, NumPy with
2 threads where it uses them. Repetitions alternate between Serried and a peer, so that both meet the same machine, and
the median counts. All keep their operands in memory before the clock starts. The last columns are how many times as
fast as the best peer Serried is, and what is wanted. The peers are installed into a virtual environment at DIR/venv on the first run (needs
python3-venv and the network; Heat brings PyTorch, some gigabytes, and is left out unless it is asked for).
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

from peer_programs import MPI_ENVIRONMENT, Peer, peer_python, serve

ROOT = pathlib.Path(__file__).resolve().parent.parent
# operation, wanted: ("ratio", best peer / Serried), ("seconds", at most), ("reads", in plain reads of the data), or
# ("times", another operation, at most so many times its time)
WANTED = {
    "chain": ("ratio", 10.0),
    "mean_std_axis0": ("ratio", 7.0),
    "percentiles": ("reads", 8.0),
    "sort": ("seconds", 0.8),
    "unique": ("ratio", 4.0),
    "mask": ("ratio", 6.0),
    "topk": ("ratio", 8.0),
    "histogram": ("ratio", 3.0),
    "cumsum": ("ratio", 2.0),
    "random_normal": ("seconds", 0.2),
    "elementary": ("ratio", 6.0),
    "sort_equal": ("times", "sort_distinct", 1.5),
    "small_arrays": ("seconds", 0.001),
    "parse": ("seconds", 0.005),
}
ONE_RANK = ("small_arrays", "parse")
PACKAGES = {"numpy": ["numpy"], "dask": ["dask[array,distributed]"], "heat": ["heat"]}


# --- peers' programs: each gives {operation: function that is timed}; run in the peers' Python ---


def numpy_operations(scale: float) -> dict:
    import numpy as np

    n = lambda elements: max(1, int(scale * elements))
    random = np.random.default_rng(1)
    normal = lambda elements: random.standard_normal(n(elements))

    def chain():
        a, b, c = (normal(5e7) for _ in range(3))
        return lambda: np.sum(np.sqrt(a * a + b * b) * c - 0.5 * a)

    def mean_std():
        x = random.standard_normal((n(1e7), 8))
        return lambda: (x.mean(axis=0), x.std(axis=0))

    def of(elements, work):
        def prepare():
            x = normal(elements)
            return lambda: work(x)

        return prepare

    def sort_indices(x):
        order = np.argsort(x, kind="stable")
        return x[order], order

    def unique():
        x = random.integers(0, n(1e7), n(1e7))
        return lambda: np.unique(x)

    def topk(x):
        best = np.argpartition(x, len(x) - min(100, len(x)))[-100:]
        return best[np.argsort(x[best])]

    def elementary():
        x = random.uniform(0.1, 10, n(2e7))
        return lambda: np.exp(-0.1 * x) * np.sin(x) + np.log(x)

    return {
        "chain": chain,
        "mean_std_axis0": mean_std,
        "percentiles": of(5e7, lambda x: np.percentile(x, [1, 50, 99])),
        "sort": of(2e7, sort_indices),
        "unique": unique,
        "mask": of(2e7, lambda x: x[x > 0]),
        "topk": of(2e7, topk),
        "histogram": of(5e7, lambda x: np.histogram(x, bins=1000, range=(-5, 5))),
        "cumsum": of(5e7, np.cumsum),
        "random_normal": lambda: lambda: normal(2e7),
        "elementary": elementary,
    }


def dask_operations(scale: float) -> dict:
    import dask.array as da
    from dask.distributed import Client, LocalCluster

    cluster = LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None)
    client = Client(cluster)
    n = lambda elements: max(1, int(scale * elements))
    chunk = lambda elements: max(1, n(elements) // 8)

    def kept(array):
        array = client.persist(array)
        from dask.distributed import wait

        wait(array)
        return array

    normal = lambda elements, seed=1: kept(da.random.default_rng(seed).standard_normal(n(elements), chunks=chunk(elements)))

    def chain():
        a, b, c = (normal(5e7, seed) for seed in (1, 2, 3))
        return lambda: (da.sqrt(a * a + b * b) * c - 0.5 * a).sum().compute()

    def mean_std():
        import dask

        x = kept(da.random.default_rng(1).standard_normal((n(1e7), 8), chunks=(chunk(1e7), 8)))
        return lambda: dask.compute(x.mean(axis=0), x.std(axis=0))

    def of(elements, work):
        def prepare():
            x = normal(elements)
            return lambda: work(x)

        return prepare

    def wait_for(array):
        kept(array)

    def unique():
        x = kept(da.random.default_rng(1).integers(0, n(1e7), n(1e7), chunks=chunk(1e7)))
        return lambda: da.unique(x).compute()

    def elementary():
        x = kept(da.random.default_rng(1).uniform(0.1, 10, n(2e7), chunks=chunk(2e7)))
        return lambda: wait_for(da.exp(-0.1 * x) * da.sin(x) + da.log(x))

    return {
        "chain": chain,
        "mean_std_axis0": mean_std,
        "unique": unique,
        "mask": of(2e7, lambda x: wait_for(x[x > 0])),
        "topk": of(2e7, lambda x: da.topk(x, 100).compute()),
        "histogram": of(5e7, lambda x: da.histogram(x, bins=1000, range=(-5, 5))[0].compute()),
        "cumsum": of(5e7, lambda x: wait_for(da.cumsum(x))),
        "random_normal": lambda: lambda: normal(2e7),
        "elementary": elementary,
    }


def heat_operations(scale: float) -> dict:
    import heat as ht
    import torch

    torch.set_num_threads(1)
    n = lambda elements: max(1, int(scale * elements))
    normal = lambda *shape: ht.random.randn(*shape, dtype=ht.float64, split=0)

    def chain():
        a, b, c = (normal(n(5e7)) for _ in range(3))
        return lambda: ht.sum(ht.sqrt(a * a + b * b) * c - 0.5 * a).item()

    def mean_std():
        x = normal(n(1e7), 8)
        return lambda: (ht.mean(x, axis=0), ht.std(x, axis=0))

    def of(elements, work):
        def prepare():
            x = normal(n(elements))
            return lambda: work(x)

        return prepare

    def elementary():
        x = ht.random.rand(n(2e7), dtype=ht.float64, split=0) * 9.9 + 0.1
        return lambda: ht.exp(-0.1 * x) * ht.sin(x) + ht.log(x)

    return {
        "chain": chain,
        "mean_std_axis0": mean_std,
        "mask": of(2e7, lambda x: x[x > 0]),
        "topk": of(2e7, lambda x: ht.topk(x, 100)),
        "cumsum": of(5e7, lambda x: ht.cumsum(x, 0)),
        "random_normal": lambda: lambda: normal(n(2e7)),
        "elementary": elementary,
    }


def serve_peer(peer: str, scale: float) -> None:
    comm = None
    if peer == "heat":
        from mpi4py import MPI

        comm = MPI.COMM_WORLD
    serve(globals()[f"{peer}_operations"](scale), comm)


# --- the comparison ---


def start(name: str, python: str, scale: float) -> Peer:
    command = [python, __file__, "--serve", name, "--scale", str(scale)]
    return Peer(["mpirun", "-n", "2", *command] if name == "heat" else command)


def serried(bench: str, scale: float, operation: str) -> float:
    ranks = "1" if operation in ONE_RANK else "2"
    command = ["mpirun", "-n", ranks, bench, "--scale", str(scale), "--repeats", "1", operation]
    environment = os.environ | MPI_ENVIRONMENT | {"OMP_NUM_THREADS": "1"}
    answer = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
    return json.loads(answer)["seconds"][0]


def verdict(operation: str, own: float, best: float | None, medians: dict[str, float]) -> tuple[str, str]:
    kind, *wanted = WANTED[operation]
    if kind == "ratio":
        if best is None:
            return "no peer", f"{wanted[0]:g}x"
        return f"{best / own:.1f}x", f"{wanted[0]:g}x"
    if kind == "seconds":
        return f"{own:.4g} s", f"{wanted[0]:g} s"
    if kind == "reads":
        return f"{own / medians['read']:.1f} reads", f"{wanted[0]:g} reads"
    return f"{own / medians[wanted[0]]:.2f} of {wanted[0]}", f"{wanted[1]:g}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--serried-bench", default=str(ROOT / "build/host/bin/bench/array_operations"))
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path(tempfile.gettempdir()) / "serried-peers")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--peers", default="numpy,dask")
    parser.add_argument("--scale", type=float, default=1)
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("operations", nargs="*")
    arguments = parser.parse_args()
    if arguments.serve:
        serve_peer(arguments.serve, arguments.scale)
        return
    names = [name for name in arguments.peers.split(",") if name]
    unknown = [each for each in arguments.operations if each not in WANTED] + [n for n in names if n not in PACKAGES]
    if unknown:
        sys.exit(f"unknown: {', '.join(unknown)}; there are {', '.join(WANTED)}")
    arguments.work.mkdir(parents=True, exist_ok=True)
    python = peer_python(arguments.work, {name: PACKAGES[name] for name in names})
    operations = arguments.operations or list(WANTED)
    needed = {"read": None} | {WANTED[o][1]: None for o in operations if WANTED[o][0] == "times"}
    print(f"{'operation':16}{'serried':>10}" + "".join(f"{name:>10}" for name in names) + f"{'':>22}{'wanted':>12}")
    medians: dict[str, float] = {}
    for operation in [*needed, *(o for o in operations if o not in needed)]:
        seconds: dict[str, list[float]] = {"serried": []}
        # a peer at a time has its operands in memory
        for name in names:
            peer = start(name, python, arguments.scale)
            if operation in WANTED and WANTED[operation][0] in ("ratio", "seconds") and peer.ask(f"prepare {operation}"):
                peer.ask("time")
                seconds[name] = []
                for _ in range(arguments.repeats):
                    seconds[name].append(peer.ask("time"))
                    seconds["serried"].append(serried(arguments.serried_bench, arguments.scale, operation))
            peer.close()
        while len(seconds["serried"]) < arguments.repeats:
            seconds["serried"].append(serried(arguments.serried_bench, arguments.scale, operation))
        found = {name: statistics.median(each) for name, each in seconds.items()}
        medians[operation] = found["serried"]
        best = min((found[name] for name in names if name in found), default=None)
        reached, wanted = verdict(operation, found["serried"], best, medians) if operation in WANTED else ("", "")
        print(
            f"{operation:16}{found['serried']:10.4f}"
            + "".join(f"{found[name]:10.4f}" if name in found else f"{'-':>10}" for name in names)
            + f"{reached:>22}{wanted:>12}",
            flush=True,
        )


if __name__ == "__main__":
    main()
