"""Ranks that go wrong in ways that MPI does not report: the watchdog ends each with an error that names what
happened, within seconds, and leaves in peace what only takes long."""

import concurrent.futures
import os
import re
import signal
import subprocess
import sys
import time
import unittest

PROGRAM = os.environ["BROKEN_RANKS"]
MPIEXEC = os.environ.get("MPIEXEC", "mpirun")
FLAG = os.environ.get("MPIEXEC_NUMPROC_FLAG", "-n")
VERDICT = 75


def verdicts():
    """The codes of a verdict (docs/failures.md): MPICH's launcher makes one of those of all ranks, and 75 together with a
    rank that it has killed, which is 9, comes out as 9."""
    version = subprocess.run([MPIEXEC, "--version"], capture_output=True, text=True, timeout=60).stdout
    return (VERDICT, 9) if "HYDRA" in version else (VERDICT,)


VERDICTS = verdicts()
SITE = r"\S*broken_ranks\.cpp:\d+"


class Run:
    """The program on some ranks."""

    def __init__(self, ranks, way, *arguments, **environment):
        self.start = time.monotonic()
        self.process = subprocess.Popen([MPIEXEC, FLAG, str(ranks), PROGRAM, way, *[str(a) for a in arguments]],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                        stdin=subprocess.DEVNULL, env={**os.environ, **environment})

    def pids(self, ranks):
        """The ranks' processes, which they print first."""
        found = {}
        while len(found) < ranks:
            match = re.match(r"rank (\d+) process (\d+)", self.process.stdout.readline())
            if match:
                found[int(match[1])] = int(match[2])
        return found

    def finish(self, timeout=60):
        try:
            self.out, self.err = self.process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.out, self.err = self.process.communicate()
            raise AssertionError(f"hangs\n{self.out}{self.err}") from None
        self.seconds = time.monotonic() - self.start
        self.code = self.process.returncode
        return self

    def lines(self):
        return [line for line in self.err.splitlines() if line.startswith("broken_ranks:")]


class Divergence(unittest.TestCase):
    """What differs is named, with both places, and nothing is published."""

    def check(self, way, counts, *patterns, **environment):
        """Runs at all rank counts at the same time; what takes time is waiting."""
        runs = [Run(ranks, way, **environment) for ranks in counts]
        for ranks, run in zip(counts, runs):
            run.finish()
            told = f"{way} on {ranks} ranks: code {run.code}\n{run.out}{run.err}"
            # a foreign program's ranks end in the same moment, which MPICH's launcher may call 1
            foreign = (1,) if "BROKEN_RANKS_FOREIGN" in environment and len(VERDICTS) > 1 else ()
            self.assertIn(run.code, VERDICTS + foreign, told)
            self.assertLess(run.seconds, 15, told)
            self.assertNotIn("publishes", run.out, told)
            self.assertTrue(run.lines(), told)
            for pattern in patterns:
                self.assertRegex(run.lines()[0], pattern, told)
        return runs

    def test_other_collective(self):
        self.check("other_collective", (2, 3, 4), "allreduce.*" + SITE, "barrier.*" + SITE)

    def test_other_operation(self):
        self.check("other_operation", (2, 3, 4), r"allreduce \(sum.*" + SITE, r"allreduce \(max.*" + SITE)

    def test_other_count(self):
        self.check("other_count", (2, 3, 4), "of 8 i32.*" + SITE, "of 4 i32.*" + SITE)

    def test_other_root(self):
        self.check("other_root", (2, 3, 4), r"broadcast \(4 bytes, root 0\) at " + SITE,
                   r"broadcast \(4 bytes, root [123]\) at " + SITE)

    def test_other_communicator(self):
        self.check("other_communicator", (2, 3, 4), r"wait.*barrier at .*" + SITE + ".*barrier at .*" + SITE)

    def test_receive_from_nobody(self):
        self.check("receive_from_nobody", (2, 3, 4), r"wait.*" + SITE + ".*" + SITE, "receive")

    def test_throw_and_catch(self):
        self.check("throw_and_catch", (2, 3, 4), SITE)

    def test_return_early(self):
        for ranks, run in zip((2, 3, 4), self.check("return_early", (2, 3, 4), "has left the program", SITE)):
            self.assertRegex(run.lines()[0], rf"rank {ranks - 1}\b")

    def test_checked_before_each_call(self):
        for way in ("other_collective", "other_operation", "other_count", "other_root"):
            for run in self.check(way, (2, 3), SITE + ".*" + SITE, SERRIED_CHECK="1"):
                self.assertNotIn("got", run.out)

    def test_waits_throw_in_a_foreign_program(self):
        for way in ("other_communicator", "other_operation", "return_early"):
            for run in self.check(way, (2,), SITE, BROKEN_RANKS_FOREIGN="1"):
                self.assertIn("broken_ranks: rank", run.err)

    def test_between_hosts(self):
        hosts = {"SERRIED_WATCHDOG": "ranks_per_host=1"}
        self.check("other_operation", (3,), r"allreduce \(sum.*" + SITE, r"allreduce \(max.*" + SITE, **hosts)
        self.check("other_communicator", (3,), r"wait.*barrier at .*" + SITE + ".*barrier at .*" + SITE, **hosts)
        self.check("return_early", (3,), "has left the program", SITE, **hosts)


class Loss(unittest.TestCase):
    QUICK = {"SERRIED_WATCHDOG": "lost=3"}
    HOSTS = {"SERRIED_WATCHDOG": "lost=3,ranks_per_host=1"}

    def test_stopped_rank_is_lost(self):
        for environment in (self.QUICK, self.HOSTS):
            runs = [Run(3, "wait", 40, **environment) for victim in range(3)]
            pids = [run.pids(3) for run in runs]
            time.sleep(0.5)
            for victim in range(3):
                os.kill(pids[victim][victim], signal.SIGSTOP)
            for victim, run in enumerate(runs):
                run.finish(40)
                told = f"rank {victim}, {environment}: code {run.code}\n{run.out}{run.err}"
                self.assertIn(run.code, VERDICTS, told)
                self.assertLess(run.seconds, 20, told)
                self.assertIn(f"rank {victim} on host", run.lines()[0], told)
                self.assertIn("no sign of life", run.lines()[0], told)

    def test_short_stop_does_no_harm(self):
        for environment in (self.QUICK, self.HOSTS):
            run = Run(3, "wait", 5, **environment)
            pids = run.pids(3)
            for victim in (0, 1, 2):
                os.kill(pids[victim], signal.SIGSTOP)
                time.sleep(1.2)
                os.kill(pids[victim], signal.SIGCONT)
            run.finish()
            self.assertEqual(run.code, 0, run.out + run.err)

    def test_suspended_machine_accuses_nobody(self):
        runs = [Run(3, "wait", 3, **environment) for environment in (self.QUICK, self.HOSTS)]
        pids = [pid for run in runs for pid in run.pids(3).values()]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(8)
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
        for run in runs:
            run.finish()
            self.assertEqual(run.code, 0, run.out + run.err)

    def test_rank_that_does_not_start(self):
        for environment in ({}, {"BROKEN_RANKS_FOREIGN": "1"}):
            run = Run(3, "start_late", 60, SERRIED_WATCHDOG="start=2", **environment).finish(30)
            told = f"code {run.code}\n{run.out}{run.err}"
            self.assertIn(run.code, VERDICTS, told)
            self.assertIn("have not come together within 2 s", run.err, told)
        run = Run(3, "start_late", 2, SERRIED_WATCHDOG="start=8").finish(30)
        self.assertEqual(run.code, 0, run.out + run.err)

    def test_killed_rank(self):
        for environment in (self.QUICK, self.HOSTS):
            run = Run(3, "wait", 40, **environment)
            os.kill(run.pids(3)[1], signal.SIGKILL)
            run.finish(20)
            self.assertNotEqual(run.code, 0)


class Patience(unittest.TestCase):
    def test_rank_that_computes_is_never_at_fault(self):
        runs = [Run(3, "compute", 6, SERRIED_WATCHDOG=f"deadlock=1,lost=2{more}") for more in ("", ",ranks_per_host=1")]
        for run in runs:
            run.finish()
            self.assertEqual(run.code, 0, run.out + run.err)

    def test_call_that_does_not_end_is_stalled(self):
        run = Run(3, "nothing", SERRIED_WATCHDOG="stalled=3,deadlock=1",
                  SERRIED_FAULT="send-drop:rank=1,step=60").finish()
        self.assertIn(run.code, VERDICTS, run.out + run.err)
        self.assertRegex(run.lines()[0], "all 3 ranks are in one call.* " + SITE)

    def test_healthy_program(self):
        for environment in ({}, {"SERRIED_CHECK": "1"}, {"SERRIED_WATCHDOG": "off"},
                            {"SERRIED_WATCHDOG": "ranks_per_host=2"}):
            for ranks in (1, 2, 4):
                run = Run(ranks, "nothing", **environment).finish()
                self.assertEqual(run.code, 0, run.out + run.err)
                self.assertEqual(run.out.count("fine"), ranks)
                self.assertEqual(run.err, "")

    def test_wrong_setting_is_refused(self):
        for text, why in (("lost=soon", "'soon' is no number"), ("lost=5,lost=6", "lost stands there twice"),
                          ("lost=5,", "'' is none of them"), ("lost", "'lost' is none of them"),
                          ("deadlock=0.1", "0.1 is not from 0.2 to 1e7"), ("stalled=nan", "'nan' is no number")):
            run = Run(2, "nothing", SERRIED_WATCHDOG=text).finish()
            self.assertNotEqual(run.code, 0)
            self.assertIn(f'not by "{text}": {why}', run.err)


def run_cases(*groups):
    """Runs the cases of a few classes, one after the other; whether all went well."""
    all_passed = True
    for group in groups:
        for case in unittest.defaultTestLoader.loadTestsFromTestCase(group):
            result = unittest.TestResult()
            start = time.monotonic()
            case.run(result)
            wrong = "".join(text for _, text in result.errors + result.failures)
            told = f"{case} ... {'FAILED' if wrong else 'ok'} ({time.monotonic() - start:.1f} s)\n{wrong}"
            print(told, end="", file=sys.stderr, flush=True)
            all_passed = all_passed and result.wasSuccessful() and result.testsRun == 1
    return all_passed


if __name__ == "__main__":
    if len(sys.argv) > 1:
        unittest.main(verbosity=2)
    # Most of the time is waiting for a watchdog, so one half of the cases runs beside the other.
    with concurrent.futures.ThreadPoolExecutor() as pool:
        halves = [pool.submit(run_cases, Divergence), pool.submit(run_cases, Loss, Patience)]
    sys.exit(0 if all(half.result() for half in halves) else 1)
