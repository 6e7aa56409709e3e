"""Checkpoints of the command: a fit that is broken in every way goes on, at other numbers of ranks, to the same bits;
what signals do; what a checkpoint refuses; the batch scripts' way to pass USR1 on."""

import json
import os
import random
import shutil
import signal
import subprocess
import time
import unittest

from support import (MPIEXEC, NUMPROC_FLAG, SERRIED, CommandTest, main, need_oracles, ranks_of, run, run_json,
                     without_seconds)

need_oracles()
import h5py
import numpy as np

STOPPED = 85
ROWS = 300000  # a fit takes seconds, so that it can be met in the middle
DEVICE_ROWS = 20000  # so does one on an emulated GPU
GPU = {"SERRIED_CUDA_MODULE": os.environ.get("SERRIED_EMULATED_MODULE", "")}
JOBSCRIPTS = os.path.join(os.path.dirname(os.path.realpath(SERRIED)), "..", "share", "serried", "jobscripts")


def ignore_usr1():
    """As the batch scripts start programs: USR1 must not end what has not taken it yet."""
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)


def start(*arguments, ranks=0, env=None, **options):
    """Starts the command; all its processes are one group."""
    launcher = [MPIEXEC, NUMPROC_FLAG, str(ranks), "env", "--ignore-signal=USR1"] if ranks else []
    return subprocess.Popen(launcher + [SERRIED] + [str(a) for a in arguments], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL, start_new_session=True,
                            env=dict(os.environ, **(env or {})), preexec_fn=ignore_usr1, **options)


def wait_for_ranks(process, wanted):
    """The processes of the ranks, once all of them are there; none if the run ends before."""
    while process.poll() is None:
        pids = ranks_of(process.pid)
        if len(pids) >= wanted:
            return pids
        time.sleep(0.005)
    return []


class Checkpoints(CommandTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        rng = np.random.default_rng(5)
        data = rng.normal(size=(ROWS, 4)) + rng.integers(0, 3, size=(ROWS, 1))
        with h5py.File(os.path.join(cls.folder, "run.h5"), "w") as f:
            f["x"] = data
            f["w"] = rng.integers(1, 5, ROWS) * 0.37
            f["other"] = data + (np.arange(ROWS) == 7777)[:, None]
        cls.fit = ["kmeans", os.path.join(cls.folder, "run.h5:/x"), "--clusters", "24", "--tolerance", "0", "--threads",
                   "1"]
        cls.long = [*cls.fit, "--max-iterations", "120"]
        cls.rows = ROWS

    def outcome(self, labels, answer):
        with h5py.File(self.path(labels), "r") as f:
            return f["labels"][...].tobytes(), without_seconds(answer)

    def timed(self, *arguments, **options):
        """The answer of a run that nothing breaks; how long it took is kept, because signals must come within it."""
        begin = time.monotonic()
        answer = run_json(*arguments, **options)
        self.seconds = time.monotonic() - begin
        return answer

    def whole(self, *options):
        answer = self.timed(*self.long, *options, "--labels", self.path("whole.h5"), ranks=2)
        return self.outcome("whole.h5", answer)

    def broken(self, rng, how, *options, env=None, most_ranks=4):
        """Breaks attempts at random moments until one ends by itself; returns how many were broken, and the outcome."""
        checkpoint, labels = self.path("ck.h5"), self.path("broken.h5")
        for path in (checkpoint, labels):
            if os.path.exists(path):
                os.remove(path)
        breaks = 0
        while True:
            ranks = rng.randint(1, most_ranks)
            process = start(*self.long, *options, "--json", "--labels", labels, "--checkpoint", checkpoint, "--resume",
                            checkpoint, "--every", "5", ranks=ranks, env=env)
            if breaks < 4:
                pids = wait_for_ranks(process, ranks)
                time.sleep(rng.uniform(0.1, 0.7) * self.seconds)
                for pid in {"usr1 to one": pids[-1:], "usr1": [process.pid]}.get(how, pids[:1]):
                    number = signal.SIGUSR1 if how.startswith("usr1") else getattr(signal, how)
                    try:
                        os.kill(pid, number)
                    except ProcessLookupError:
                        pass
            out, err = process.communicate(timeout=60)
            # A kill may come when all is done, between the answer and the end.
            if process.returncode == 0 or (out and not how.startswith("usr1")):
                return breaks, self.outcome("broken.h5", json.loads(out))
            breaks += 1
            self.assertEqual(out, "", "half an answer")
            if os.path.exists(labels):
                self.assertFalse(how.startswith("usr1"), "an output of a fit that was stopped")
                with h5py.File(labels, "r") as f:
                    self.assertEqual(len(f["labels"][...]), self.rows, "half an output")
            if how.startswith("usr1"):
                self.assertEqual(process.returncode, STOPPED, err)
                self.assertIn("goes on from there", err)
                self.assertTrue(os.path.exists(checkpoint))
            else:
                self.assertNotIn(process.returncode, (0, STOPPED), err)
            self.assertLess(breaks, 20)

    def check_broken(self, seed, how, *options, least=1, repeats=1, env=None, whole=None):
        rng = random.Random(seed)
        whole = whole or self.whole(*options)
        total = 0
        for attempt in range(repeats + 4):
            if attempt >= repeats and total >= least:  # else all was over before the signals came: once more
                break
            breaks, outcome = self.broken(rng, how, *options, env=env)
            self.assertEqual(outcome, whole)
            total += breaks
        self.assertGreaterEqual(total, least)

    def test_stopped_by_usr1(self):
        self.check_broken(1, "usr1", repeats=2)

    def test_one_signalled_rank_is_enough(self):
        self.check_broken(2, "usr1 to one", "--bounds", "off")

    def test_killed(self):
        self.check_broken(3, "SIGKILL")

    def test_terminated(self):
        self.check_broken(4, "SIGTERM", "--weights", self.path("run.h5:/w"))

    def test_several_fits(self):
        self.check_other(5, [*self.fit, "--n-init", "3", "--max-iterations", "40"])

    def check_other(self, seed, command):
        """As check_broken, for another command."""
        self.long = command  # of this test alone
        self.check_broken(seed, "usr1")

    def test_batches(self):
        self.check_other(6, ["kmeans", self.path("run.h5:/x"), "--clusters", "24", "--batch", "300", "--max-iterations",
                             "60", "--n-init", "5", "--threads", "1"])

    def test_a_range(self):
        self.check_other(7, ["kmeans", self.path("run.h5:/x"), "--clusters", "20:22", "--tolerance", "0",
                             "--max-iterations", "60", "--silhouette-sample", "500", "--threads", "1"])

    @unittest.skipUnless(os.path.exists(GPU["SERRIED_CUDA_MODULE"]), "there is no emulated GPU")
    def test_on_a_device(self):
        """Bits of a device are those of the device; a checkpoint of it is not taken up on the host."""
        self.rows = DEVICE_ROWS
        self.long = [self.long[0], f"{self.long[1]}[:{DEVICE_ROWS}]", *self.long[2:]]
        options = ["--device", "cuda", "--share-gpu"]
        answer = self.timed(*self.long, *options, "--labels", self.path("whole.h5"), ranks=2, env=GPU)
        self.check_broken(8, "usr1", *options, env=GPU, whole=self.outcome("whole.h5", answer))
        checkpoint = self.path("device.h5")
        process = start(*self.long, *options, "--checkpoint", checkpoint, "--every", "1", ranks=1, env=GPU)
        process.communicate(timeout=60)
        other = run(*self.long, "--device", "host", "--resume", checkpoint)
        self.assertEqual(other.returncode, 2)
        self.assertIn("device: cuda", other.stderr)

    def test_usr1_at_any_moment(self):
        """Code 85 or a finished fit; without --checkpoint, and in other verbs, a finished run and one line."""
        for ranks in (0, 2):
            # mpirun's own first moments, until the ranks have started, are the batch scripts' affair.
            for milliseconds in (0, 20, 50, 500, 3000) if ranks == 0 else (500, 3000):
                checkpoint = self.path(f"moment{ranks}.h5")
                process = start(*self.long, "--checkpoint", checkpoint, ranks=ranks)
                try:
                    process.wait(milliseconds / 1000)
                except subprocess.TimeoutExpired:
                    process.send_signal(signal.SIGUSR1)
                _, err = process.communicate(timeout=60)
                self.assertIn(process.returncode, (0, STOPPED), err)
                if process.returncode == STOPPED:
                    self.assertTrue(os.path.exists(checkpoint))

    def test_usr1_without_a_checkpoint_is_ignored(self):
        for arguments in (self.long, ["stats", self.path("run.h5:/x"), "--bins", "10", "--by-column"]):
            process = start(*arguments, ranks=2)
            sent = 0
            for pid in wait_for_ranks(process, 2):
                for _ in range(3):
                    time.sleep(0.05)
                    try:
                        os.kill(pid, signal.SIGUSR1)
                        sent += 1
                    except ProcessLookupError:  # a short run is over
                        break
            self.assertGreater(sent, 0)
            out, err = process.communicate(timeout=60)
            self.assertEqual(process.returncode, 0, err)
            self.assertLessEqual(err.count("USR1 is ignored"), 1, err)
        self.timed(*self.long)
        process = start(*self.long, ranks=0)
        time.sleep(0.5 * self.seconds)
        process.send_signal(signal.SIGUSR1)
        process.send_signal(signal.SIGUSR1)
        out, err = process.communicate(timeout=60)
        self.assertEqual((process.returncode, err.count("USR1 is ignored")), (0, 1), err)

    def test_term_and_int_end_it_by_the_signal(self):
        self.timed(*self.long)
        for number in (signal.SIGTERM, signal.SIGINT):
            process = start(*self.long, "--labels", self.path("never.h5"))
            time.sleep(0.4 * self.seconds)
            process.send_signal(number)
            process.communicate(timeout=60)
            self.assertEqual(process.returncode, -number)
            self.assertFalse(os.path.exists(self.path("never.h5")))

    def test_resume_refuses_what_does_not_belong(self):
        checkpoint = self.path("refused.h5")
        short = [*self.fit, "--max-iterations", "9"]
        run_json(*short, "--checkpoint", checkpoint, "--every", "4")
        x = self.path("run.h5:/x")

        def refused(arguments, code, *texts, path=checkpoint):
            for ranks in (0, 3):
                done = run(*arguments, "--resume", path, ranks=ranks)
                self.assertEqual(done.returncode, code, done.stderr)
                self.assertEqual(done.stdout, "")
                for text in texts:
                    self.assertIn(text, done.stderr)
                if ranks == 0:
                    self.assertEqual(len(done.stderr.strip().splitlines()), 1, done.stderr)

        refused([a if a != "24" else "23" for a in short], 2, "clusters: 24 there, 23 here")
        refused([*short, "--seed", "4", "--n-init", "2"], 2, "seed: 0 there, 4 here", "fits from different seeds")
        refused([a if a != x else self.path("run.h5:/other") for a in short], 2, "data: ")
        refused([*short, "--weights", self.path("run.h5:/w")], 2, "weights are given: no there, yes here")
        refused([a if a != "24" else "24:26" for a in short], 2, "computation: k-means there")
        refused(short, 4, "none.h5", path=self.path("none.h5"))
        refused(short, 4, "is no checkpoint", path=self.path("run.h5"))
        with open(checkpoint, "rb") as f:
            content = f.read()
        with open(self.path("cut.h5"), "wb") as f:
            f.write(content[:len(content) // 2])
        refused(short, 4, "cut.h5", path=self.path("cut.h5"))
        for option in ("--labels", "--model"):
            done = run(*short, "--resume", checkpoint, option, checkpoint)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn("would replace the input", done.stderr)
        with open(checkpoint, "rb") as f:
            self.assertEqual(f.read(), content)
        # The same bytes elsewhere are the same data.
        shutil.copyfile(self.path("run.h5"), self.path("copy.h5"))
        moved = [a if a != x else self.path("copy.h5:/x") for a in short]
        self.assertEqual(without_seconds(run_json(*moved, "--resume", checkpoint, ranks=3)),
                         without_seconds(run_json(*short)))

    def test_wrong_usage(self):
        for arguments, text in ((["--every", "5"], "no use without --checkpoint"),
                                (["--checkpoint", "c.h5", "--every", "5m"], "15min"),
                                (["--checkpoint", "c.h5", "--every", "0"], "15min"),
                                (["--checkpoint", "c.h5", "--every", "-1s"], "15min"),
                                (["--checkpoint", ""], "a file name is needed")):
            done = run(*self.long, *arguments)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(text, done.stderr)
        done = run(*self.long, "--checkpoint", self.path("run.h5"))
        self.assertEqual(done.returncode, 2, done.stderr)
        done = run(*self.long, "--checkpoint", self.path("c.h5"), "--labels", self.path("c.h5"))
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertEqual(run(*self.long, "--checkpoint", self.path("nowhere/c.h5")).returncode, 4)

    def test_two_runs_with_one_checkpoint(self):
        """The second ends with code 4, also when the first has written checkpoints, and by another way to the folder."""
        checkpoint = self.path("shared.h5")
        os.symlink(self.folder, self.path("way"))
        for ranks in (0, 3):
            process = start(*self.long, "--n-init", "50", "--checkpoint", checkpoint, "--every", "3", ranks=ranks)
            try:
                while not os.path.exists(checkpoint):
                    self.assertIsNone(process.poll())
                    time.sleep(0.01)
                for name in ("shared.h5", "way/shared.h5"):
                    second = run(*self.long, "--checkpoint", self.path(name), ranks=2)
                    self.assertIsNone(process.poll(), "the first run was too short")
                    self.assertEqual(second.returncode, 4, second.stderr)
                    self.assertIn("another run", second.stderr)
            finally:
                process.send_signal(signal.SIGTERM)
                process.communicate(timeout=60)
            os.remove(checkpoint)
            self.assertEqual([name for name in os.listdir(self.folder) if ".tmp." in name], [])
            run_json(*self.fit, "--max-iterations", "9", "--checkpoint", checkpoint, "--every", "2", ranks=ranks)
            self.assertEqual([name for name in os.listdir(self.folder) if ".tmp." in name], [])
            os.remove(checkpoint)

    def test_time_between_checkpoints(self):
        checkpoint = self.path("timed.h5")
        process = start(*self.long, "--checkpoint", checkpoint, "--every", "0.05s", ranks=2)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0)
        self.assertTrue(os.path.exists(checkpoint))


class BatchScripts(CommandTest):
    """jobscripts/ without Slurm: a scontrol that takes notes, and launchers that start two ranks here. With a real Slurm
    slurm_sandbox_test.py runs them."""

    fit = ["--clusters", "100", "--n-init", "10", "--tolerance", "0", "--max-iterations", "100"]

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.expected = None
        rng = np.random.default_rng(6)
        with h5py.File(os.path.join(cls.folder, "run.h5"), "w") as f:
            f["x"] = rng.normal(size=(80000, 4))
        bin_folder = os.path.join(cls.folder, "bin")
        os.mkdir(bin_folder)
        for name, text in (("scontrol", 'echo "$@" >> "$NOTES"'),
                           ("mpirun", 'while [ "$1" = -n ] || [ "$1" = --map-by ] || [ "$1" = --bind-to ] || '
                                      '[ "$1" = -x ]; do shift 2; done; exec "$REAL_MPIEXEC" "$REAL_FLAG" 2 "$@"'),
                           ("srun", 'shift 2; exec "$REAL_MPIEXEC" "$REAL_FLAG" 2 "$@"')):
            path = os.path.join(bin_folder, name)
            with open(path, "w") as f:
                f.write("#!/bin/bash\n" + text + "\n")
            os.chmod(path, 0o755)

    def submit(self, script, attempt, milliseconds, number=signal.SIGUSR1, **more):
        """Runs the script as Slurm would; the signal goes to its shell alone after so many milliseconds."""
        env = dict(os.environ, PATH=os.path.join(self.folder, "bin") + ":" + os.environ["PATH"],
                   NOTES=self.path("notes"), REAL_MPIEXEC=shutil.which(MPIEXEC), REAL_FLAG=NUMPROC_FLAG,
                   SLURM_JOB_ID="77", SLURM_RESTART_COUNT=str(attempt), SLURM_NTASKS="2", SLURM_NTASKS_PER_NODE="2",
                   SLURM_CPUS_PER_TASK="1", SERRIED=SERRIED, **more)
        process = subprocess.Popen([os.path.join(JOBSCRIPTS, script), self.path("run.h5:/x"), *self.fit, "--labels",
                                    "labels.h5", "--model", "model.h5"], env=env, cwd=self.folder,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)
        if milliseconds is not None:
            time.sleep(milliseconds / 1000)
            process.send_signal(number)
        out, _ = process.communicate(timeout=120)
        return process.returncode, out

    def notes(self):
        if not os.path.exists(self.path("notes")):
            return []
        with open(self.path("notes")) as f:
            return f.read().splitlines()

    def check(self, script):
        attempts = [300, 1500, 700, None]
        for attempt, milliseconds in enumerate(attempts):
            before = len(self.notes())
            code, out = self.submit(script, attempt, milliseconds)
            self.assertEqual(code, 0, out)
            if os.path.exists(self.path("labels.h5")):
                break
            self.assertEqual(self.notes()[before:], ["requeue 77"], out)
            self.assertIn(f"attempt {attempt + 1} of job 77 was stopped", out)
            self.assertTrue(os.path.exists(self.path("serried-77.checkpoint.h5")))
        self.assertGreaterEqual(attempt, 1, "nothing was ever stopped")
        self.check_outputs("serried-77.checkpoint.h5")

    def check_outputs(self, checkpoint):
        self.assertFalse(os.path.exists(self.path(checkpoint)), "a job that is done leaves no checkpoint")
        if not self.expected:
            whole = run_json("kmeans", self.path("run.h5:/x"), *self.fit, "--labels", self.path("expected.h5"), ranks=3)
            with h5py.File(self.path("expected.h5"), "r") as f:
                BatchScripts.expected = f["labels"][...], np.array(whole["centers"])
        labels, centers = self.expected
        with h5py.File(self.path("labels.h5"), "r") as f:
            np.testing.assert_array_equal(f["labels"][...], labels)
        with h5py.File(self.path("model.h5"), "r") as f:
            np.testing.assert_array_equal(f["centers"][...], centers)
        for name in ("labels.h5", "model.h5"):
            os.remove(self.path(name))

    def test_mpirun(self):
        self.check("long_mpirun.sh")

    def test_srun(self):
        self.check("long_srun.sh")

    def test_without_slurm(self):
        """plain_mpirun.sh: TERM and USR1 stop it with code 85, and the next call goes on."""
        # Messages are late, so that the signals come within the fit, however fast the machine.
        slow = ";".join(f"send-delay:rank=0,step={step},ms=200" for step in range(100, 1000, 5))
        for attempt, number in enumerate((signal.SIGTERM, signal.SIGUSR1)):
            code, out = self.submit("plain_mpirun.sh", attempt, 1200, number, SERRIED_FAULT=slow)
            self.assertEqual(code, STOPPED, out)
            self.assertTrue(os.path.exists(self.path("serried.checkpoint.h5")))
            self.assertFalse(os.path.exists(self.path("labels.h5")))
        code, out = self.submit("plain_mpirun.sh", 2, None)
        self.assertEqual(code, 0, out)
        self.assertNotIn("beginning afresh", out)
        self.check_outputs("serried.checkpoint.h5")

    def functions(self, commands, **env):
        script = f'set -euo pipefail; source "{JOBSCRIPTS}/functions.sh"; scontrol() {{ echo "scontrol $*"; }}; '
        done = subprocess.run(["bash", "-c", script + commands], capture_output=True, text=True,
                              env=dict(os.environ, SLURM_JOB_ID="7", **env))
        return done.returncode, done.stdout

    def test_a_failure_is_no_checkpoint(self):
        self.assertEqual(self.functions('run_or_requeue bash -c "exit 7"; echo not reached'), (7, ""))

    def test_attempts(self):
        """Stopped, or after the loss of a rank, the job is requeued, but not for ever; it says so where it cannot be."""
        for stopped in (STOPPED, 75):
            code, out = self.functions(f'run_or_requeue bash -c "exit {stopped}"; echo not reached', ATTEMPTS="3",
                                       SLURM_RESTART_COUNT="1")
            self.assertEqual(code, 0, out)
            self.assertIn("attempt 2 of job 7", out)
            self.assertIn("scontrol requeue 7", out)
            code, out = self.functions(f'run_or_requeue bash -c "exit {stopped}"; echo not reached', ATTEMPTS="3",
                                       SLURM_RESTART_COUNT="2")
            self.assertEqual(code, stopped, out)
            self.assertNotIn("scontrol", out)
        for state, expected in (("RUNNING", STOPPED), ("PENDING", 0)):  # 0: Slurm has requeued it by itself
            code, out = self.functions(f'scontrol() {{ false; }}; squeue() {{ echo {state}; }}; '
                                       f'run_or_requeue bash -c "exit {STOPPED}"; echo not reached')
            self.assertEqual(code, expected, out)
            self.assertEqual("submit it again with CHECKPOINT" in out, expected == STOPPED, out)
            self.assertNotIn("not reached", out)

    def test_killed_before_it_began(self):
        """USR1 that kills a rank (138) is the request to stop all the same; by itself 138 is a failure."""
        code, out = self.functions('(sleep 0.3; kill -USR1 $$) & run_or_requeue bash -c "sleep 1; exit 138"')
        self.assertEqual(code, 0, out)
        self.assertIn("scontrol requeue 7", out)
        self.assertEqual(self.functions('run_or_requeue bash -c "exit 138"'), (138, ""))


if __name__ == "__main__":
    main()
