#!/usr/bin/env python3
"""k-means against scikit-learn: the same file, the same initial centres, 20 iterations, in one run.

    bench/kmeans_peers.py [--serried build/host/bin/serried] [--repeats 3] [--work DIR]

Serried runs as 2 ranks of one thread, scikit-learn's KMeans(algorithm="lloyd") in a process of its own with 2
threads; repeats alternate between the two, and the best of each counts. Compared are the fits (`seconds.fit`
against the time of KMeans.fit; both have the data in memory by then). Serried's time without bounds (`--bounds
off`) is printed beside it, and k-means|| is counted in iterations of that. The peers are installed into a virtual
environment at DIR/venv on the first run (needs python3-venv and the network).
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
SIZES = [  # rows, features, clusters, dtype, wanted ratio
    (1_000_000, 32, 64, "float32", 3.0),
    (1_000_000, 32, 64, "float64", 2.5),
    (2_000_000, 16, 8, "float32", 4.0),
    (2_000_000, 16, 8, "float64", 4.0),
]
ITERATIONS = 20
MPI_ENVIRONMENT = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}


def peer_python(work: pathlib.Path) -> str:
    """The interpreter of a virtual environment that has the peers."""
    python = work / "venv" / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(work / "venv")], check=True)
    probe = [str(python), "-c", "import h5py, numpy, sklearn"]
    if subprocess.run(probe, capture_output=True).returncode != 0:
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", "numpy", "scikit-learn", "h5py"], check=True)
    return str(python)


def make_file(path: str, rows: int, features: int, clusters: int, dtype: str) -> None:
    """Gaussian blobs that overlap, and `clusters` of their rows as initial centres. Runs in the peers' Python."""
    import h5py
    import numpy as np

    random = np.random.default_rng(7)
    places = 4 * random.random((clusters, features))
    with h5py.File(path, "w") as file:
        data = file.create_dataset("x", (rows, features), dtype)
        for begin in range(0, rows, 100_000):
            count = min(100_000, rows - begin)
            noise = random.standard_normal((count, features), dtype=np.float32)
            data[begin : begin + count] = 1.4 * noise + places[random.integers(0, clusters, count)]
        file["init"] = data[:clusters].astype("float64")


def fit_peer(path: str) -> None:
    """Prints scikit-learn's time as JSON. Runs in the peers' Python."""
    import time

    import h5py
    from sklearn.cluster import KMeans

    with h5py.File(path) as file:
        data, init = file["x"][...], file["init"][...]
    estimator = KMeans(
        len(init), init=init.astype(data.dtype), n_init=1, max_iter=ITERATIONS, tol=0, algorithm="lloyd"
    )
    begin = time.perf_counter()
    estimator.fit(data)
    seconds = time.perf_counter() - begin
    print(json.dumps({"seconds": seconds, "inertia": float(estimator.inertia_), "iterations": estimator.n_iter_}))


def in_peers(python: str, function: str, *arguments: object, script: str = __file__) -> str:
    environment = os.environ | {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"}
    command = [python, script, f"--{function}", *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout


def run_serried(program: str, path: str, clusters: int, *options: str) -> dict:
    command = ["mpirun", "-n", "2", program, "kmeans", f"{path}:/x", "--clusters", str(clusters), "--threads", "1"]
    command += ["--max-iterations", str(ITERATIONS), "--tolerance", "0", "--json", *options]
    result = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ | MPI_ENVIRONMENT)
    return json.loads(result.stdout)


def compare(python: str, program: str, work: pathlib.Path, size: tuple, repeats: int) -> bool:
    rows, features, clusters, dtype, wanted = size
    path = str(work / f"kmeans_{rows}_{features}_{clusters}_{dtype}.h5")
    if not os.path.exists(path):
        in_peers(python, "make-file", path + ".part", rows, features, clusters, dtype)
        os.rename(path + ".part", path)
    ours, plain, theirs = [], [], []
    for _ in range(repeats):
        ours.append(run_serried(program, path, clusters, "--init", f"{path}:/init"))
        plain.append(run_serried(program, path, clusters, "--init", f"{path}:/init", "--bounds", "off"))
        theirs.append(json.loads(in_peers(python, "fit-peer", path)))
    seeded = [run_serried(program, path, clusters, "--init", "kmeans-parallel") for _ in range(repeats)]
    fit = min(run["seconds"]["fit"] for run in ours)
    peer = min(run["seconds"] for run in theirs)
    plain_fit = min(run["seconds"]["fit"] for run in plain)
    iteration = plain_fit / plain[0]["iterations"]
    init = min(run["seconds"]["init"] for run in seeded)
    away = abs(ours[0]["inertia"] / theirs[0]["inertia"] - 1)
    print(
        f"{dtype} {rows} x {features}, k={clusters}: serried {fit:.3f} s ({plain_fit:.3f} s without "
        f"bounds), scikit-learn {peer:.3f} s, "
        f"ratio {peer / fit:.2f} (wanted {wanted}); k-means|| {init / iteration:.1f} iterations (wanted 5); "
        f"inertia differs by {away:.1e}, iterations {ours[0]['iterations']} and {theirs[0]['iterations']}",
        flush=True,
    )
    return peer / fit >= wanted


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--serried", default=str(ROOT / "build/host/bin/serried"))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--work", default=os.path.join(tempfile.gettempdir(), "serried_bench"))
    parser.add_argument("--python", help="an interpreter that has numpy, scikit-learn and h5py already")
    parser.add_argument("--make-file", nargs=5, help=argparse.SUPPRESS)
    parser.add_argument("--fit-peer", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.make_file:
        path, rows, features, clusters, dtype = options.make_file
        make_file(path, int(rows), int(features), int(clusters), dtype)
        return 0
    if options.fit_peer:
        fit_peer(options.fit_peer)
        return 0
    work = pathlib.Path(options.work)
    work.mkdir(parents=True, exist_ok=True)
    python = options.python or peer_python(work)
    reached = [compare(python, options.serried, work, size, options.repeats) for size in SIZES]
    return 0 if all(reached) else 1


if __name__ == "__main__":
    sys.exit(main())
