#!/usr/bin/env python3
"""k-means until labels stand still: what bounds save, and against scikit-learn's `lloyd` and `elkan`.

    bench/kmeans_convergence.py [--repeats 3] [--work DIR] [--only NAME]

From the same initial centres: 50 separated Gaussian blobs (1 000 000 x 32), the cells of a simulation (apps/gray_scott,
3163 x 3163 cells of u and v), and isotropic noise (1 000 000 x 32, k = 64, 30 iterations), where bounds can save nothing.
Serried runs as 2 ranks of one thread, scikit-learn with 2 threads; all take turns, and the best of each counts
(`seconds.fit` against the time of KMeans.fit). Wanted: with bounds 2 times as fast as without, 5 times as fast as the
better of scikit-learn's; on noise at most 1.02 times the time without bounds. Peers are installed as
kmeans_peers.py does.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

from kmeans_peers import MPI_ENVIRONMENT, ROOT, in_peers, peer_python

NOISE_ITERATIONS = 30


def make_file(path: str, name: str, simulation: str) -> None:
    """Runs in the peers' Python."""
    import h5py
    import numpy as np

    random = np.random.default_rng(3)
    with h5py.File(path, "w") as file:
        if name == "gray_scott":
            with h5py.File(simulation) as run:
                data = np.stack([run["fields/u"][...].ravel(), run["fields/v"][...].ravel()], axis=1)
            clusters = 8
        else:
            clusters = 50 if name == "blobs" else 64
            data = random.standard_normal((1_000_000, 32), dtype=np.float32)
            if name == "blobs":
                data += (20 * random.random((50, 32), dtype=np.float32))[random.integers(0, 50, len(data))]
        file["x"] = data
        file["init"] = data[np.sort(random.choice(len(data), clusters, replace=False))].astype("float64")


def fit_peer(path: str, algorithm: str, iterations: str) -> None:
    """Prints scikit-learn's time as JSON. Runs in the peers' Python."""
    import time

    import h5py
    from sklearn.cluster import KMeans

    with h5py.File(path) as file:
        data, init = file["x"][...], file["init"][...]
    estimator = KMeans(
        len(init), init=init.astype(data.dtype), n_init=1, max_iter=int(iterations), tol=0, algorithm=algorithm
    )
    begin = time.perf_counter()
    estimator.fit(data)
    seconds = time.perf_counter() - begin
    print(json.dumps({"seconds": seconds, "inertia": float(estimator.inertia_), "iterations": estimator.n_iter_}))


def run_serried(program: str, path: str, iterations: int, bounds: str) -> dict:
    command = ["mpirun", "-n", "2", program, "kmeans", f"{path}:/x", "--init", f"{path}:/init", "--threads", "1"]
    command += ["--max-iterations", str(iterations), "--tolerance", "0", "--bounds", bounds, "--json"]
    result = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ | MPI_ENVIRONMENT)
    return json.loads(result.stdout)


def data_file(python: str, work: pathlib.Path, name: str) -> str:
    path = work / f"convergence_{name}.h5"
    if not path.exists():
        simulation = work / "gray_scott.h5"
        if name == "gray_scott" and not simulation.exists():
            command = ["mpirun", "-n", "2", str(ROOT / "build/host/bin/gray_scott"), "--size", "3163"]
            command += ["--steps", "3000", "--output", str(simulation)]
            subprocess.run(command, check=True, env=os.environ | MPI_ENVIRONMENT, stdout=subprocess.DEVNULL)
        in_peers(python, "make-file", f"{path}.part", name, simulation, script=__file__)
        os.rename(f"{path}.part", path)
    return str(path)


def compare(python: str, program: str, path: str, name: str, repeats: int) -> bool:
    iterations = NOISE_ITERATIONS if name == "noise" else 10_000
    runs: dict[str, list] = {"auto": [], "off": [], "lloyd": [], "elkan": []}
    for _ in range(repeats):
        for bounds in ("auto", "off"):
            runs[bounds].append(run_serried(program, path, iterations, bounds))
        for algorithm in ("lloyd", "elkan"):
            runs[algorithm].append(json.loads(in_peers(python, "fit-peer", path, algorithm, iterations, script=__file__)))
    ours, plain = (min(run["seconds"]["fit"] for run in runs[bounds]) for bounds in ("auto", "off"))
    lloyd, elkan = (min(run["seconds"] for run in runs[algorithm]) for algorithm in ("lloyd", "elkan"))
    saved, ahead = plain / ours, min(lloyd, elkan) / ours
    is_good = ours / plain <= 1.02 if name == "noise" else saved >= 2 and ahead >= 5
    print(
        f"{name}: serried {ours:.3f} s, {plain:.3f} s without bounds ({saved:.2f} times as long; iterations "
        f"{runs['auto'][0]['iterations']}); scikit-learn lloyd {lloyd:.3f} s ({runs['lloyd'][0]['iterations']}), elkan "
        f"{elkan:.3f} s ({runs['elkan'][0]['iterations']}), the better one {ahead:.2f} times as long; inertia differs by "
        f"{abs(runs['auto'][0]['inertia'] / runs['lloyd'][0]['inertia'] - 1):.1e}: {'met' if is_good else 'MISSED'}",
        flush=True,
    )
    return is_good


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--serried", default=str(ROOT / "build/host/bin/serried"))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--work", default=os.path.join(tempfile.gettempdir(), "serried_bench"))
    parser.add_argument("--python", help="an interpreter that has numpy, scikit-learn and h5py already")
    parser.add_argument("--only", choices=["blobs", "gray_scott", "noise"])
    parser.add_argument("--make-file", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--fit-peer", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.make_file:
        make_file(*options.make_file)
        return 0
    if options.fit_peer:
        fit_peer(*options.fit_peer)
        return 0
    work = pathlib.Path(options.work)
    work.mkdir(parents=True, exist_ok=True)
    python = options.python or peer_python(work)
    names = [options.only] if options.only else ["blobs", "gray_scott", "noise"]
    reached = [
        compare(python, options.serried, data_file(python, work, name), name, options.repeats) for name in names
    ]
    return 0 if all(reached) else 1


if __name__ == "__main__":
    sys.exit(main())
