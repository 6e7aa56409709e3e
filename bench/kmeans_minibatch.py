#!/usr/bin/env python3
"""Mini-batch k-means against scikit-learn's MiniBatchKMeans: the same file, batches and number of clusters.

    bench/kmeans_minibatch.py [--serried build/host/bin/serried] [--repeats 5] [--work DIR] [--python PYTHON]

Serried runs as 2 ranks of one thread, scikit-learn in a process of its own with 2 threads; repeats alternate between
the two and take another seed each. Printed are the median times of the fits (initial centres, batches, and the labels
of all rows; both have the data in memory by then), their ratio (wanted: 3), and the ratio of the median inertias.
Files and peers are those of bench/kmeans_peers.py.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

from kmeans_peers import MPI_ENVIRONMENT, ROOT, in_peers, peer_python

SIZES = [  # rows, features, clusters, dtype, rows of a batch
    (1_000_000, 32, 64, "float32", 1024),
    (1_000_000, 32, 64, "float64", 1024),
    (1_000_000, 32, 64, "float32", 8192),
    (2_000_000, 16, 8, "float64", 8192),
]
WANTED = 3.0


def fit_peer(path: str, clusters: int, batch: int, seed: int) -> None:
    """Prints scikit-learn's time as JSON. Runs in the peers' Python."""
    import time

    import h5py
    from sklearn.cluster import MiniBatchKMeans

    with h5py.File(path) as file:
        data = file["x"][...]
    estimator = MiniBatchKMeans(clusters, batch_size=batch, n_init=1, random_state=seed)
    begin = time.perf_counter()
    estimator.fit(data)
    seconds = time.perf_counter() - begin
    result = {"seconds": seconds, "inertia": float(estimator.inertia_), "batches": int(estimator.n_steps_)}
    print(json.dumps(result))


def run_peer(python: str, *arguments: object) -> dict:
    environment = os.environ | {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"}
    command = [python, __file__, "--fit-peer", *map(str, arguments)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout)


def run_serried(program: str, path: str, clusters: int, batch: int, seed: int) -> dict:
    command = ["mpirun", "-n", "2", program, "kmeans", f"{path}:/x", "--clusters", str(clusters), "--threads", "1"]
    command += ["--batch", str(batch), "--seed", str(seed), "--json"]
    result = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ | MPI_ENVIRONMENT)
    answer = json.loads(result.stdout)
    seconds = answer["seconds"]["init"] + answer["seconds"]["fit"]
    return {"seconds": seconds, "inertia": answer["inertia"], "batches": answer["iterations"]}


def compare(python: str, program: str, work: pathlib.Path, size: tuple, repeats: int) -> bool:
    rows, features, clusters, dtype, batch = size
    path = str(work / f"kmeans_{rows}_{features}_{clusters}_{dtype}.h5")
    if not os.path.exists(path):
        in_peers(python, "make-file", path + ".part", rows, features, clusters, dtype)
        os.rename(path + ".part", path)
    ours, theirs = [], []
    for seed in range(repeats):
        ours.append(run_serried(program, path, clusters, batch, seed))
        theirs.append(run_peer(python, path, clusters, batch, seed))
    own, peer = ({name: statistics.median(run[name] for run in runs) for name in runs[0]} for runs in (ours, theirs))
    print(
        f"{dtype} {rows} x {features}, k={clusters}, batches of {batch}: serried {own['seconds']:.3f} s "
        f"({own['batches']:.0f} batches), scikit-learn {peer['seconds']:.3f} s ({peer['batches']:.0f}), ratio "
        f"{peer['seconds'] / own['seconds']:.2f} (wanted {WANTED}); inertia {own['inertia'] / peer['inertia']:.4f} of its",
        flush=True,
    )
    return peer["seconds"] / own["seconds"] >= WANTED and own["inertia"] <= 1.005 * peer["inertia"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--serried", default=str(ROOT / "build/host/bin/serried"))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--work", default=os.path.join(tempfile.gettempdir(), "serried_bench"))
    parser.add_argument("--python", help="an interpreter that has numpy, scikit-learn and h5py already")
    parser.add_argument("--fit-peer", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.fit_peer:
        path, clusters, batch, seed = options.fit_peer
        fit_peer(path, int(clusters), int(batch), int(seed))
        return 0
    work = pathlib.Path(options.work)
    work.mkdir(parents=True, exist_ok=True)
    python = options.python or peer_python(work)
    reached = [compare(python, options.serried, work, size, options.repeats) for size in SIZES]
    return 0 if all(reached) else 1


if __name__ == "__main__":
    sys.exit(main())
