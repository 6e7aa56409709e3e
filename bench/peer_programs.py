"""Peers of the comparisons: a virtual environment that has them, and programs that answer line by line."""
import json
import os
import pathlib
import subprocess
import sys
import time

MPI_ENVIRONMENT = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}


class Peer:
    """A peer's program, which answers line by line with JSON."""

    def __init__(self, command: list[str], threads: int = 2):
        variables = {name: str(threads) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=os.environ | MPI_ENVIRONMENT | variables,
        )

    def ask(self, line: str):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"a peer ended at '{line}'")
        return json.loads(answer)

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()


def serve(operations: dict, comm=None) -> None:
    """Reads "prepare OPERATION" and "time", and answers each with a line of JSON: whether there is such an operation,
    and the seconds that it took; rank 0 reads for all ranks of a communicator. operations[name]() gives what is timed.
    """
    answers = os.fdopen(os.dup(1), "w")  # libraries print what they like
    os.dup2(2, 1)
    work = None
    while True:
        line = sys.stdin.readline() if comm is None or comm.rank == 0 else ""
        if comm is not None:
            line = comm.bcast(line)
        if not line:
            break
        command, _, operation = line.strip().partition(" ")
        if command == "prepare":
            work = None
            work = operations[operation]() if operation in operations else None
            answer = work is not None
        else:
            if comm is not None:
                comm.Barrier()
            begin = time.perf_counter()
            work()
            answer = time.perf_counter() - begin
            if comm is not None:
                answer = max(comm.allgather(answer))
        if comm is None or comm.rank == 0:
            print(json.dumps(answer), file=answers, flush=True)


def peer_python(work: pathlib.Path, packages: dict[str, list[str]]) -> str:
    """The interpreter of a virtual environment that has some modules, which these packages bring."""
    python = work / "venv" / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(work / "venv")], check=True)
    for module, needed in packages.items():
        probe = subprocess.run([str(python), "-c", f"import {module}"], capture_output=True, env=os.environ | MPI_ENVIRONMENT)
        if probe.returncode != 0:
            subprocess.run([str(python), "-m", "pip", "install", "--quiet", *needed], check=True)
    return str(python)
