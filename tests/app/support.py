"""Runs `serried` for the tests of the command."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

SERRIED = os.environ["SERRIED"]
MPIEXEC = os.environ.get("MPIEXEC", "mpirun")
NUMPROC_FLAG = os.environ.get("MPIEXEC_NUMPROC_FLAG", "-n")
DATA = os.environ.get("SERRIED_TEST_DATA", "")
SKIPPED = 77
# a program with sanitizers, which have memory of their own
IS_SANITIZED = "ASAN_OPTIONS" in os.environ
TIMEOUT_S = 60
# What Open MPI otherwise takes time for: a program without a launcher would first start a daemon, which spawning needs,
# and mpirun would wait a second before it kills what it has told to end.
QUICK = {"OMPI_MCA_ess_singleton_isolated": "1", "OMPI_MCA_odls_base_sigkill_timeout": "0"}


def need_oracles():
    """Ends the script as skipped where the oracles are not installed."""
    try:
        import h5py  # noqa: F401
        import numpy  # noqa: F401
        import scipy  # noqa: F401
        import sklearn  # noqa: F401
    except ImportError as error:
        print(f"skipped: {error}")
        sys.exit(SKIPPED)


def data_file(name):
    """A real file; the test is skipped where the folder is absent."""
    path = os.path.join(DATA, name)
    if not os.path.exists(path):
        raise unittest.SkipTest(f"{path} is not there")
    return path


def run(*arguments, ranks=0, env=None, cwd=None):
    """Runs the command on that many ranks; 0: without a launcher."""
    launcher = [MPIEXEC, NUMPROC_FLAG, str(ranks)] if ranks else []
    environment = {**os.environ, **QUICK, **(env or {})}
    return subprocess.run(launcher + [SERRIED] + [str(a) for a in arguments], capture_output=True, text=True,
                          timeout=TIMEOUT_S, env=environment, cwd=cwd, stdin=subprocess.DEVNULL)


def run_json(*arguments, **options):
    """The one JSON object on standard output, which must hold nothing else."""
    done = run(*arguments, "--json", **options)
    if done.returncode != 0:
        raise AssertionError(f"serried {arguments}: exit code {done.returncode}\n{done.stdout}{done.stderr}")

    def refuse(constant):
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(done.stdout, parse_constant=refuse)


def without_seconds(answer):
    answer = dict(answer)
    answer.pop("seconds")
    return answer


def descendants(pid):
    """The processes that a process has started, and those that they have: daemons may stand between."""
    found = []
    tasks = f"/proc/{pid}/task"
    try:
        for task in os.listdir(tasks):
            with open(f"{tasks}/{task}/children", encoding="utf-8") as file:
                for child in file.read().split():
                    found.append(int(child))
                    found += descendants(int(child))
    except OSError:
        pass  # it is gone
    return found


def ranks_of(launcher):
    """The processes of the program that a launcher has started, by number."""
    pids = []
    for pid in descendants(launcher):
        try:
            if os.path.realpath(f"/proc/{pid}/exe") == os.path.realpath(SERRIED):
                pids.append(pid)
        except OSError:
            pass
    return pids


def kill_run(launcher):
    """Kills the ranks, so that nothing is left of a run, and its launcher."""
    for pid in ranks_of(launcher.pid):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    launcher.kill()
    return launcher.communicate()


class CommandTest(unittest.TestCase):
    """A test case with a folder of its own, which is removed afterwards."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="serried_test_")

    def check_refused(self, code, text, *arguments, ranks=0):
        """One line that says so, and this exit code."""
        done = run(*arguments, ranks=ranks)
        self.assertEqual(done.returncode, code, f"{arguments}\n{done.stderr}")
        told = [line for line in done.stderr.splitlines() if line.startswith("serried")]
        self.assertEqual(len(told), 1, done.stderr)
        self.assertIn(text, told[0])

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def check_peak(self, more, most, what):
        """What a run takes more than a small one, in bytes; sanitizers do not give back what is freed."""
        if not IS_SANITIZED:
            self.assertLess(more, most, what)


def main():
    unittest.main(verbosity=2)
