#!/usr/bin/env python3
"""Regressions against scikit-learn, statsmodels and NumPy on the same file, in one run.

    bench/ml_peers.py [--serried build/host/bin/serried] [--work DIR] [--rows 1000000] [--columns 50] [--repeats 3]
                      [--without statsmodels] [FIT...]

Serried runs as 2 ranks of one thread and counts what a fit takes with all its inference, its data in memory; peers have
2 threads where they use them. Repetitions alternate between Serried and a peer, and the median counts. scikit-learn and
NumPy find the coefficients alone. The last columns are how many times as fast as a peer Serried is, and what is wanted.
The peers are installed into a virtual environment at DIR/venv on the first run (needs python3-venv and the network).
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
PACKAGES = {"numpy": ["numpy"], "h5py": ["h5py"], "sklearn": ["scikit-learn"], "statsmodels": ["statsmodels"]}
# fit: (verb and options, {peer: times as fast as it that Serried is to be})
FITS = {
    "binomial": (["glm", "--family", "binomial", "--y", "binary"], {"sklearn": 5, "statsmodels": 50}),
    "poisson": (["glm", "--family", "poisson", "--y", "count"], {"sklearn": 5, "statsmodels": 50}),
    "least_squares": (["linear", "--y", "number"], {"numpy": 5}),
}


def make_data(path: pathlib.Path, rows: int, columns: int) -> None:
    import h5py
    import numpy as np

    random = np.random.default_rng(1)
    x = random.standard_normal((rows, columns))
    eta = 0.2 + 0.5 * x @ np.sin(np.arange(columns)) / np.sqrt(columns)
    with h5py.File(path, "w") as file:
        file["x"] = x
        file["binary"] = (random.uniform(size=rows) < 1 / (1 + np.exp(-eta))).astype("i4")
        file["count"] = random.poisson(np.exp(eta))
        file["number"] = eta + random.standard_normal(rows)


def operations(peer: str, path: str) -> dict:
    import h5py

    with h5py.File(path) as file:
        x = file["x"][...]
        y = {name: file[name][...] for name in ("binary", "count", "number")}
    if peer == "sklearn":
        from sklearn.linear_model import LogisticRegression, PoissonRegressor

        return {
            "binomial": lambda: lambda: LogisticRegression(C=float("inf"), max_iter=1000).fit(x, y["binary"]),
            "poisson": lambda: lambda: PoissonRegressor(alpha=0, max_iter=1000).fit(x, y["count"]),
        }
    if peer == "statsmodels":
        import statsmodels.api as sm

        design = sm.add_constant(x)
        return {
            "binomial": lambda: lambda: sm.GLM(y["binary"], design, family=sm.families.Binomial()).fit().summary(),
            "poisson": lambda: lambda: sm.GLM(y["count"], design, family=sm.families.Poisson()).fit().summary(),
        }
    import numpy as np

    design = np.column_stack([np.ones(len(x)), x])
    return {"least_squares": lambda: lambda: np.linalg.lstsq(design, y["number"], rcond=None)}


def serried(program: str, path: str, fit: str) -> float:
    (verb, *options), _ = FITS[fit]
    options = [f"{path}:/{word}" if before == "--y" else word for before, word in zip(["", *options], options)]
    command = ["mpirun", "-n", "2", program, verb, "--x", f"{path}:/x", *options, "--threads", "1", "--json"]
    answer = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ | MPI_ENVIRONMENT)
    return json.loads(answer.stdout)["seconds"]["fit"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--serried", default=str(ROOT / "build/host/bin/serried"))
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path(tempfile.gettempdir()) / "serried-peers")
    parser.add_argument("--rows", type=int, default=1000000)
    parser.add_argument("--columns", type=int, default=50)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--without", action="append", default=[], help="a peer to leave out")
    parser.add_argument("--serve", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--make", nargs=1, help=argparse.SUPPRESS)
    parser.add_argument("fits", nargs="*")
    arguments = parser.parse_args()
    if arguments.serve:
        serve(operations(*arguments.serve))
        return
    if arguments.make:
        make_data(pathlib.Path(arguments.make[0]), arguments.rows, arguments.columns)
        return
    unknown = [fit for fit in arguments.fits if fit not in FITS]
    if unknown:
        sys.exit(f"unknown: {', '.join(unknown)}; there are {', '.join(FITS)}")
    arguments.work.mkdir(parents=True, exist_ok=True)
    python = peer_python(arguments.work, {name: PACKAGES[name] for name in PACKAGES if name not in arguments.without})
    path = arguments.work / f"regression_{arguments.rows}_{arguments.columns}.h5"
    if not path.exists():
        size = ["--rows", str(arguments.rows), "--columns", str(arguments.columns)]
        subprocess.run([python, __file__, *size, "--make", str(path)], check=True)
    print(f"{'fit':16}{'serried':>10}{'peer':>14}{'seconds':>10}{'ratio':>8}{'wanted':>8}")
    for fit in arguments.fits or FITS:
        for name, wanted in FITS[fit][1].items():
            if name in arguments.without:
                continue
            peer = Peer([python, __file__, "--serve", name, str(path)])
            peer.ask(f"prepare {fit}")
            own, other = [], []
            for _ in range(arguments.repeats):
                other.append(peer.ask("time"))
                own.append(serried(arguments.serried, str(path), fit))
            peer.close()
            ours, theirs = statistics.median(own), statistics.median(other)
            print(f"{fit:16}{ours:10.4f}{name:>14}{theirs:10.4f}{theirs / ours:7.1f}x{wanted:7g}x", flush=True)


if __name__ == "__main__":
    main()
