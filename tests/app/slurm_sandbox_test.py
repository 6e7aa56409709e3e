"""The batch scripts on a real Slurm of two hosts (scripts/slurm_sandbox.sh): on two nodes under srun and mpirun; stopped
before the time limit, requeued and ended with the same bits; after the loss of a host; arrays; cards. Skipped (77) where
there is no Slurm or no right to make namespaces: `scripts/slurm_sandbox.sh up` installs Slurm."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

from support import SERRIED, SKIPPED, main, need_oracles, run_json, without_seconds

need_oracles()
import h5py
import numpy as np

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
SANDBOX = os.path.join(ROOT, "scripts", "slurm_sandbox.sh")
SCRIPTS = os.path.join(os.path.dirname(os.path.realpath(SERRIED)), "..", "share", "serried", "jobscripts")
FIT = ["--clusters", "24", "--tolerance", "0", "--seed", "3", "--max-iterations"]
LONG, SHORT = [*FIT, "75"], [*FIT, "15", "--init", "random"]
# One rank on each host.
SMALL = ["--ntasks-per-node=1", "--cpus-per-task=1", "--time=1"]
# The first attempt of a job is slow, so that the signal before the time limit meets it, which comes within half a
# minute: a message of each iteration waits a second.
DELAYS = 40
SLOW = ";".join(f"send-delay:rank=0,step={step},ms=1000" for step in range(150, 150 + 5 * DELAYS, 5))
WRAPPER = f"""#!/bin/bash
if [ "$SLURM_JOB_NAME" = slow ] && [ "${{SLURM_RESTART_COUNT:-0}}" = 0 ]; then export SERRIED_FAULT="{SLOW}"; fi
echo "rank ${{OMPI_COMM_WORLD_RANK:-$SLURM_PROCID}} sees CUDA_VISIBLE_DEVICES=${{CUDA_VISIBLE_DEVICES-unset}}" >&2
exec "{os.path.realpath(SERRIED)}" "$@"
"""

done = subprocess.run([SANDBOX, "check"], capture_output=True, text=True)
if done.returncode == SKIPPED:
    print("skipped: " + done.stderr)
    sys.exit(SKIPPED)


class Sandbox:
    """A sandbox of its own, which ends by itself should the test be killed."""

    def __init__(self, *options):
        self.state = tempfile.mkdtemp(prefix="serried-test-", dir="/var/tmp")
        self.command("up", "--no-install", "--minutes", "5", *options)

    def start(self, *arguments, cwd=None, env=None):
        environment = dict(os.environ, **(env or {}))
        # Settings for many ranks on few cores are not the cluster's.
        for name in [n for n in environment if n.startswith("OMPI_MCA_") or n.startswith("SLURM")]:
            del environment[name]
        return subprocess.Popen([SANDBOX, "--state", self.state, *[str(a) for a in arguments]], cwd=cwd, env=environment,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def command(self, *arguments, check=True, **options):
        process = self.start(*arguments, **options)
        out, err = process.communicate(timeout=90)
        if check and process.returncode != 0:
            raise AssertionError(f"{arguments}: exit code {process.returncode}\n{out}{err}")
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def down(self):
        self.command("down")
        if os.path.exists(self.state):
            raise AssertionError(f"{self.state} is left")
        left = subprocess.run(["pgrep", "-f", self.state], capture_output=True, text=True).stdout.split()
        if left:
            raise AssertionError(f"processes are left: {left}")


def end(process):
    """Ends a command of the sandbox that a test has not waited for."""
    process.kill()
    process.communicate()


class JobTest(unittest.TestCase):
    """Jobs run in a folder of their own outside of /tmp, with a wrapper around the program."""

    options = []

    @classmethod
    def prepare(cls, add_cleanup):
        cls.folder = tempfile.mkdtemp(prefix="serried-jobs-", dir="/var/tmp")
        add_cleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        rng = np.random.default_rng(8)
        for number in range(3):
            with h5py.File(os.path.join(cls.folder, f"run_{number}.h5"), "w") as f:
                f["x"] = rng.normal(size=(20000, 4)) + rng.integers(0, 3, size=(20000, 1))
        os.makedirs(os.path.join(cls.folder, "bin"))
        os.makedirs(os.path.join(cls.folder, "share", "serried"))
        os.symlink(os.path.realpath(SCRIPTS), os.path.join(cls.folder, "share", "serried", "jobscripts"))
        cls.wrapper = os.path.join(cls.folder, "bin", "serried")
        with open(cls.wrapper, "w") as f:
            f.write(WRAPPER)
        os.chmod(cls.wrapper, 0o755)
        cls.sandbox = Sandbox(*cls.options)
        add_cleanup(cls.sandbox.down)

    @classmethod
    def path(cls, name):
        return os.path.join(cls.folder, name)

    @classmethod
    def submit(cls, script, sbatch_options, *arguments, env=None):
        return cls.sandbox.start("submit", *sbatch_options, os.path.join(SCRIPTS, script), *arguments, cwd=cls.folder,
                                 env={"SERRIED": cls.wrapper, **(env or {})})

    def ended(self, process, code=0):
        """The output of the job, and what is said of it."""
        out, err = process.communicate(timeout=90)
        self.assertEqual(process.returncode, code, out + err)
        return out, err

    def fit(self, number, options):
        """The labels and centres of a fit that nothing breaks, on one rank, outside of Slurm."""
        labels = self.path(f"whole_{number}.h5")
        answer = run_json("kmeans", self.path(f"run_{number}.h5:/x"), *options, "--labels", labels)
        if options == LONG:
            self.assertGreater(answer["iterations"], 30 + DELAYS, "delays of the slow attempt would be left out")
        with h5py.File(labels, "r") as f:
            return f["labels"][...], np.array(answer["centers"])

    def check_fit(self, number, options, labels, model):
        expected_labels, expected_centers = self.fit(number, options)
        with h5py.File(self.path(labels), "r") as f:
            np.testing.assert_array_equal(f["labels"][...], expected_labels)
        with h5py.File(self.path(model), "r") as f:
            np.testing.assert_array_equal(f["centers"][...], expected_centers)


class Jobs(JobTest):
    options = ["--cpus", "4", "--gpus", "2"]

    @classmethod
    def setUpClass(cls):
        cls.prepare(cls.addClassCleanup)
        # Half a minute passes before Slurm sends the signal: the other tests run meanwhile.
        options = [*SMALL, "--job-name=slow", "--signal=B:USR1@50"]
        cls.long = {}
        for how in ("srun", "mpirun"):
            cls.long[how] = cls.submit(f"long_{how}.sh", options, os.path.join(cls.folder, "run_0.h5:/x"), *LONG,
                                       "--labels", f"labels_{how}.h5", "--model", f"model_{how}.h5")
            cls.addClassCleanup(end, cls.long[how])

    def check_on_two_nodes(self, how):
        out, _ = self.ended(self.submit(f"cpu_{how}.sh", SMALL, "stats", self.path("run_1.h5:/x"), "--bins", "7",
                                        "--json"))
        answer = json.loads(re.search(r"^{.*}$", out, re.M).group())
        self.assertEqual(without_seconds(answer),
                         without_seconds(run_json("stats", self.path("run_1.h5:/x"), "--bins", "7")))
        for rank, host in enumerate(("node1", "node2")):  # in the table of the report
            self.assertRegex(out, rf"(?m)^{rank} +{host} ")

    def test_cpu_srun(self):
        self.check_on_two_nodes("srun")

    def test_cpu_mpirun(self):
        self.check_on_two_nodes("mpirun")

    def test_array(self):
        files = [self.path(f"run_{number}.h5") for number in range(3)]
        out, err = self.ended(self.submit("array_srun.sh", ["--array=0-2", *SMALL], *files,
                                          env={"OPTIONS": " ".join(SHORT)}))
        self.assertEqual(err.count("JobState=COMPLETED"), 3, out + err)
        for number in range(3):
            self.check_fit(number, SHORT, f"labels-run_{number}-{number}.h5", f"model-run_{number}-{number}.h5")

    def test_array_without_a_file(self):
        out, _ = self.ended(self.submit("array_srun.sh", ["--array=1", *SMALL], self.path("run_0.h5")), code=2)
        self.assertIn("task 1 has no file", out)
        out, _ = self.ended(self.submit("array_srun.sh", SMALL, self.path("run_0.h5")), code=1)
        self.assertIn("--array=0-0", out)

    def test_without_arguments_or_program(self):
        out, _ = self.ended(self.submit("long_srun.sh", SMALL), code=2)
        self.assertIn("arguments are needed", out)
        out, _ = self.ended(self.submit("cpu_srun.sh", SMALL, "info", env={"SERRIED": "no-such-program"}), code=2)
        self.assertIn("no-such-program is not found", out)

    def check_cards(self, how, visible):
        """There are no cards behind those of the sandbox: what ranks see of them, and the host in their place."""
        options = ["--gpus-per-node=2", "--ntasks-per-node=2", "--cpus-per-task=1", "--time=1"]
        fit = [self.path("run_2.h5:/x"), *SHORT, "--labels", f"gpu_{how}.h5", "--model", f"gpu_model_{how}.h5"]
        out, err = self.ended(self.submit(f"gpu_{how}.sh", options, *fit, env={"DEVICE": "auto"}))
        seen = dict(re.findall(r"(?m)^rank (\d) sees CUDA_VISIBLE_DEVICES=(\S+)$", out))
        self.assertEqual(seen, visible, out)
        self.check_fit(2, SHORT, f"gpu_{how}.h5", f"gpu_model_{how}.h5")
        self.check_no_checkpoint(err)

    def check_no_checkpoint(self, err):
        """A job that is done leaves none."""
        job = re.search(r"job (\d+)", err).group(1)
        self.assertFalse(os.path.exists(self.path(f"serried-{job}.checkpoint.h5")))

    @unittest.skipIf(os.path.exists("/dev/nvidiactl"), "there are cards")
    def test_gpu_srun(self):
        self.check_cards("srun", {"0": "0", "1": "1", "2": "0", "3": "1"})

    @unittest.skipIf(os.path.exists("/dev/nvidiactl"), "there are cards")
    def test_gpu_mpirun(self):
        out, _ = self.ended(self.submit("gpu_mpirun.sh", ["--gpus-per-node=2", "--ntasks-per-node=2",
                                                          "--cpus-per-task=1", "--time=1"],
                                        self.path("run_2.h5:/x"), *SHORT), code=1)
        self.assertIn("no CUDA driver", out)  # no card: an error, and no other attempt
        self.assertNotIn("attempt", out)
        self.check_cards("mpirun", {str(rank): "0,1" for rank in range(4)})

    def test_stopped_before_the_time_limit(self):
        for how, process in self.long.items():
            out, err = self.ended(process)
            self.assertIn("Restarts=1", err, out)
            self.assertRegex(out, "attempt 1 of job [0-9]+ was stopped and has written its checkpoint")
            self.assertIn("goes on from there", out)
            self.check_fit(0, LONG, f"labels_{how}.h5", f"model_{how}.h5")
            self.check_no_checkpoint(err)


class LostHost(JobTest):
    """A job loses a host. That takes as long as Slurm needs to see it, so it happens while the other tests run."""

    options = ["--cpus", "1"]

    @classmethod
    def begin(cls):
        cls.prepare(unittest.addModuleCleanup)
        cls.process = cls.submit("long_mpirun.sh", [*SMALL, "--time=5", "--job-name=slow"], cls.path("run_0.h5:/x"),
                                 *LONG, "--watchdog", "lost=3", "--labels", "labels.h5", "--model", "model.h5",
                                 env={"EVERY": "2"})
        unittest.addModuleCleanup(end, cls.process)
        cls.wait_for("serried-1.checkpoint.h5", "")
        cls.sandbox.command("cut")

    def test_requeued_after_the_link_was_cut(self):
        # The ranks end at once. mpirun waits for the other host, as a rule until Slurm takes it for failed and requeues
        # the job; else the script does.
        log = self.wait_for("serried-1.log", "NODE FAILURE|ended by the watchdog")
        self.assertIn("rank 1 on host node2 is lost: the host gives no sign of life for 3 s", log)
        self.sandbox.command("mend")
        out, err = self.ended(self.process)
        self.assertIn("Restarts=1", err, out)
        self.assertEqual(out.count("beginning afresh"), 1, out)
        self.check_fit(0, LONG, "labels.h5", "model.h5")

    @classmethod
    def wait_for(cls, name, text):
        """The content of a file as soon as it has a text of that form in it."""
        deadline = time.monotonic() + 60
        while True:
            if os.path.exists(cls.path(name)):
                with open(cls.path(name), errors="replace") as f:
                    content = f.read()
                if re.search(text, content):
                    return content
            if time.monotonic() > deadline:
                raise AssertionError(f"{name}: '{text}' does not come")
            time.sleep(0.2)


def setUpModule():
    LostHost.begin()


class Lifetime(unittest.TestCase):
    def test_begins_and_ends(self):
        sandbox = Sandbox()
        try:
            self.assertIn("it runs already", sandbox.command("up", "--no-install").stderr)
            self.assertIn("node2 idle", sandbox.command("status").stdout)
            # Killed as a machine is: nothing runs on, and the next one begins on what is left.
            with open(os.path.join(sandbox.state, "keeper")) as f:
                os.kill(int(f.read()), 9)
            while subprocess.run(["pgrep", "-f", f"{sandbox.state}"], capture_output=True).returncode == 0:
                time.sleep(0.05)
            self.assertNotEqual(sandbox.command("status", check=False).returncode, 0)
            self.assertIn("two hosts", sandbox.command("up", "--no-install").stderr)
            self.assertEqual(sandbox.command("run", "2", "hostname").stdout, "node2\n")
        finally:
            sandbox.down()
        sandbox.command("down")  # nothing is there: nothing to do

    def test_killed_while_it_begins(self):
        for seconds in (0.1, 0.3, 0.5):
            state = tempfile.mkdtemp(prefix="serried-test-", dir="/var/tmp")
            process = subprocess.Popen([SANDBOX, "--state", state, "up", "--no-install", "--minutes", "5"],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(seconds)
            process.kill()
            process.wait()
            subprocess.run([SANDBOX, "--state", state, "down"], check=True, timeout=60)
            self.assertFalse(os.path.exists(state))
            self.assertNotEqual(subprocess.run(["pgrep", "-f", state], capture_output=True).returncode, 0)

    def test_a_folder_of_something_else_is_left_alone(self):
        with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
            with open(os.path.join(folder, "mine"), "w") as f:
                f.write("kept")
            for command in ("up", "down"):
                done = subprocess.run([SANDBOX, "--state", folder, command], capture_output=True, text=True, timeout=60)
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertIn("no sandbox", done.stderr)
            self.assertEqual(os.listdir(folder), ["mine"])


if __name__ == "__main__":
    main()
