#!/usr/bin/env python3
"""How good the seedings are: k-means|| and greedy k-means++ against scikit-learn's greedy k-means++.

    bench/kmeans_quality.py [--seeds 400] [--data DIR] [--program build/host/bin/bench/kmeans_seeds] [--only NAME]

For each data set, each of the units 1, 1e-6 and 1e6, and each seed: the inertia of the initial centres, and that
of a fit from there until convergence (scikit-learn's defaults, n_init=1). Printed is the ratio of the medians over
the seeds, Serried's over scikit-learn's, with its 95 per cent bootstrap interval; the exit code is 0 if all
intervals of k-means|| lie below 1.05. Data sets: iris with 3 and 8 clusters, 50 separated Gaussian blobs of unequal
size, and, where DIR has climate/sst.mnmean.nc, the cells of a map of sea-surface temperatures by their 128 months
(k = 8). Needs Python with numpy, h5py and scikit-learn.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import h5py
import numpy as np
import sklearn.cluster
import sklearn.datasets

ROOT = pathlib.Path(__file__).resolve().parent.parent
LIMIT = 1.05
UNITS = [1.0, 1e-6, 1e6]


def blobs() -> np.ndarray:
    """10 000 rows around 50 places; the largest blob has 30 times the rows of the smallest."""
    random = np.random.default_rng(1)
    sizes = np.geomspace(1, 30, 50)
    sizes = np.round(10_000 * sizes / sizes.sum()).astype(int)
    places = 20 * random.random((50, 8))
    data = np.concatenate([place + 0.5 * random.standard_normal((size, 8)) for place, size in zip(places, sizes)])
    return random.permutation(data)


def cases(folder: pathlib.Path) -> list:
    """Name, data as Serried reads it, its axes of samples, clusters."""
    iris = sklearn.datasets.load_iris().data
    found = [("iris, k=3", iris, "0", 3), ("iris, k=8", iris, "0", 8), ("50 blobs", blobs(), "0", 50)]
    sst = folder / "climate" / "sst.mnmean.nc"
    if sst.exists():
        with h5py.File(sst) as file:
            data = file["sst"][...]
            data[data == file["sst"].attrs["missing_value"]] = np.nan
        found.append(("sst map, k=8", data, "1,2", 8))
    else:
        print(f"{sst} is not there: left out")
    return found


def as_samples(data: np.ndarray, axes: str) -> np.ndarray:
    samples = data if axes == "0" else data.reshape(len(data), -1).T
    return np.ascontiguousarray(samples[np.isfinite(samples).all(axis=1)])


def serried(program: str, address: str, axes: str, clusters: int, seeds: int, init: str) -> dict:
    command = [program, address, str(clusters), str(seeds), init, axes]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    return {name: np.array([line[name] for line in lines]) for name in ("init", "fit", "iterations")}


def peer(samples: np.ndarray, clusters: int, seeds: int) -> dict:
    found = {"init": [], "fit": [], "iterations": []}
    centred = samples - samples.mean(axis=0)  # as KMeans itself does before it seeds
    for seed in range(seeds):
        centers, _ = sklearn.cluster.kmeans_plusplus(centred, clusters, random_state=seed)
        distances = -2 * centred @ centers.T + (centers * centers).sum(axis=1)
        found["init"].append(float(((centred * centred).sum(axis=1) + distances.min(axis=1)).sum()))
        fit = sklearn.cluster.KMeans(clusters, init=centers, n_init=1).fit(centred)
        found["fit"].append(fit.inertia_)
        found["iterations"].append(fit.n_iter_)
    return {name: np.array(values) for name, values in found.items()}


def interval(ours: np.ndarray, theirs: np.ndarray) -> tuple:
    """The ratio of the medians, and its 95 per cent bootstrap interval."""
    random = np.random.default_rng(0)
    draws = [
        np.median(ours[random.integers(0, len(ours), len(ours))])
        / np.median(theirs[random.integers(0, len(theirs), len(theirs))])
        for _ in range(4000)
    ]
    return np.median(ours) / np.median(theirs), *np.percentile(draws, [2.5, 97.5])


def compare(options: argparse.Namespace, work: str, case: tuple, unit: float) -> bool:
    name, data, axes, clusters = case
    # A power of ten changes last digits: each unit is a data set of its own.
    scaled = (data * unit).astype(data.dtype)
    path = os.path.join(work, "data.h5")
    with h5py.File(path, "w") as file:
        file["x"] = scaled
    theirs = peer(as_samples(scaled, axes), clusters, options.seeds)
    is_good = True
    for init in ("kmeans-parallel", "kmeans++"):
        ours = serried(options.program, f"{path}:/x", axes, clusters, options.seeds, init)
        text = f"{name}, times {unit:g}, {init}:"
        for stage, title in (("init", "after init"), ("fit", "after the fit")):
            ratio, low, high = interval(ours[stage], theirs[stage])
            text += f" {title} {ratio:.4f} [{low:.4f}, {high:.4f}];"
            is_good = is_good and (high < LIMIT or init != "kmeans-parallel")
        iterations = f"{ours['iterations'].mean():.1f} and {theirs['iterations'].mean():.1f}"
        print(f"{text} iterations {iterations}", flush=True)
    return is_good


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=str(ROOT / "build/host/bin/bench/kmeans_seeds"))
    parser.add_argument("--seeds", type=int, default=400)
    parser.add_argument("--data", default=str(ROOT.parent / "shared/data"))
    parser.add_argument("--only", default="", help="cases whose name begins so")
    parser.add_argument("--units", default=",".join(map(str, UNITS)))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        reached = [
            compare(options, work, case, float(unit))
            for case in cases(pathlib.Path(options.data))
            if case[0].startswith(options.only)
            for unit in options.units.split(",")
        ]
    return 0 if all(reached) else 1


if __name__ == "__main__":
    sys.exit(main())
