"""Memory, reads and writes fail on each rank at each step (SERRIED_FAULT): always one message, the right exit
code, no output under its final name, no temporary file, and an end within seconds.

Without SERRIED_FAULTS_ALL=1 some steps stand for all of them; with it this takes about an hour.
"""

import concurrent.futures
import os
import re
import shutil
import subprocess
import tempfile
import time

from support import MPIEXEC, NUMPROC_FLAG, SERRIED, CommandTest, main, need_oracles, run

need_oracles()
import h5py
import numpy as np

IS_WHOLE = os.environ.get("SERRIED_FAULTS_ALL", "") not in ("", "0")
CODES = {"allocate": 1, "read": 4, "write": 4}
# beyond what the run takes in which nothing fails: machines are slow and crowded at times, and more so with sanitizers
LONGEST_S = 20
DEADLINE_S = 60
PARALLEL = 2


def some_of(steps, most):
    """The first, the last, and others between them at equal distances."""
    if IS_WHOLE or steps <= most:
        return list(range(1, steps + 1))
    return sorted({1 + round(i * (steps - 1) / (most - 1)) for i in range(most)})


def content(path):
    """What an output holds, but for the record of the run itself, which tells the time."""
    with h5py.File(path) as file:
        found = {}
        file.visititems(lambda name, item: found.update({name: item[...].tobytes()})
                        if isinstance(item, h5py.Dataset) else None)
        return found


class Job:
    """A command with its outputs, at a number of ranks."""

    def __init__(self, test, ranks, *arguments, outputs=()):
        self.test = test
        self.ranks = ranks
        self.arguments = [*(str(argument) for argument in arguments), "--no-progress"]
        self.outputs = list(outputs)
        self.whole = {}
        self.seconds = 240

    def run(self, fault):
        """(exit code, lines of Serried on standard error, {rank: {kind: events}}, files left, seconds)"""
        folder = tempfile.mkdtemp(dir=self.test.folder)
        # mpirun waits a second before it kills what it has told to end
        environment = dict(os.environ, SERRIED_FAULT=fault, OMPI_MCA_odls_base_sigkill_timeout="0", OMP_NUM_THREADS="1")
        began = time.monotonic()
        done = subprocess.run([MPIEXEC, NUMPROC_FLAG, str(self.ranks), SERRIED, *self.arguments], capture_output=True,
                              text=True, timeout=DEADLINE_S + 2 * self.seconds, env=environment, cwd=folder,
                              stdin=subprocess.DEVNULL)
        seconds = time.monotonic() - began
        events, lines = {}, []
        for line in done.stderr.splitlines():
            counted = re.match(r"serried: events of rank (\d+): (.*)$", line)
            if counted:
                events[int(counted[1])] = {k: int(n) for k, n in (pair.split("=") for pair in counted[2].split())}
            elif line.startswith("serried"):
                lines.append(line)
        left = {name: os.path.join(folder, name) for name in os.listdir(folder)}
        held = {name: content(path) for name, path in left.items() if name in self.outputs}
        others = sorted(set(left) - set(held))
        shutil.rmtree(folder)
        return done.returncode, lines, events, held, others, seconds

    def count(self):
        """The events of a run in which nothing fails, by rank and kind."""
        code, lines, events, held, others, self.seconds = self.run("count")
        self.test.assertEqual((code, lines, others), (0, [], []))
        self.test.assertEqual(sorted(held), sorted(self.outputs))
        self.test.assertEqual(sorted(events), list(range(self.ranks)))
        self.whole = held
        return events

    def breach(self, kind, rank, step):
        """Makes one event fail; what is wrong with how the job ends, or None."""
        fault = f"count;{kind}:rank={rank},step={step}"
        try:
            code, lines, events, held, others, seconds = self.run(fault)
        except subprocess.TimeoutExpired:
            return f"{fault}: no end after {DEADLINE_S + 2 * self.seconds:.0f} s"
        told = f"{fault}: code {code} after {seconds:.1f} s, {lines}, left {sorted(held)} {others}"
        if others:
            return f"{told}: files are left"
        for name, found in held.items():
            if found != self.whole[name]:
                return f"{told}: {name} is not what it should be"
        if code == 0:
            # reading ahead depends on the speed of the disk, and with it which memory is taken when
            reached = events[rank][kind]
            return None if reached < step and len(held) == len(self.outputs) else f"{told}: event {reached} did no harm"
        if code != CODES[kind]:
            return f"{told}: another code"
        if held:
            return f"{told}: an output is there"
        if len(lines) != 1:
            return f"{told}: not one message"
        causes = ["out of memory"] if kind == "allocate" else [f"injected fault ({kind} {step} of rank {rank})",
                                                              "Input/output error"]
        if not any(cause in lines[0] for cause in causes):
            return f"{told}: not the cause"
        if kind != "allocate" and ".h5" not in lines[0]:
            return f"{told}: no file is named"
        if self.ranks > 1 and rank > 0 and f"rank {rank}: " not in lines[0]:
            return f"{told}: the rank is not named"
        if seconds > LONGEST_S + 2 * self.seconds:
            return f"{told}: too late"
        return None

    def check(self, most):
        """Breaks every kind of event on every rank at `most` steps each (at all of them, if asked to)."""
        events = self.count()
        broken = [(kind, rank, step) for kind in CODES for rank in range(self.ranks)
                  for step in some_of(events[rank][kind], most)]
        self.test.assertTrue(broken)
        with concurrent.futures.ThreadPoolExecutor(PARALLEL) as pool:
            breaches = [b for b in pool.map(lambda each: self.breach(*each), broken) if b]
        self.test.assertEqual(breaches, [], f"{len(breaches)} of {len(broken)} of {self.arguments}, {self.ranks} ranks")


class Faults(CommandTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        rng = np.random.default_rng(7)
        with h5py.File(cls.file("few.h5"), "w") as f:
            f["x"] = (6 * rng.integers(0, 3, size=(20000, 1)) + rng.normal(size=(20000, 3))).astype("f4")
            f["t"] = np.arange(20000.0)
            f["k"] = rng.integers(0, 3, 20000)
            f["t"].make_scale("t")
            f["x"].dims[0].attach_scale(f["t"])
            f["x"].attrs["units"] = "m"
        many = (6 * rng.integers(0, 3, size=(600000, 1)) + rng.normal(size=(600000, 8))).astype("f4")
        with h5py.File(cls.file("many.h5"), "w") as f:
            f["x"] = many
            f.create_dataset("packed", data=many, chunks=(5000, 8), compression=1)
            f["y"] = many[:, 0] - 0.5 * many[:, 3] + rng.normal(size=600000)
        made = run("kmeans", cls.file("few.h5") + ":/x", "--clusters", 3, "--model", cls.file("model.h5"))
        assert made.returncode == 0, made.stderr

    @classmethod
    def file(cls, name):
        return os.path.join(cls.folder, name)

    def kmeans(self, ranks, address, *more):
        return Job(self, ranks, "kmeans", self.file(address), "--clusters", 3, *more, "--labels", "labels.h5",
                   "--model", "out.h5", outputs=["labels.h5", "out.h5"])

    def streamed(self, ranks, address, memory, *more):
        job = self.kmeans(ranks, address, "--max-iterations", 2, "--memory", memory, *more)
        told = run(*job.arguments, "--report", "-", ranks=ranks, cwd=self.folder)
        self.assertEqual(told.returncode, 0, told.stderr)
        self.assertNotIn("rows in memory: all of", " ".join(told.stderr.split()))
        return job

    def test_stats(self):
        Job(self, 2, "stats", self.file("few.h5:/x")).check(3)
        Job(self, 3, "stats", self.file("many.h5:/packed")).check(2)

    def test_kmeans_held(self):
        self.kmeans(2, "few.h5:/x").check(4)
        self.kmeans(3, "few.h5:/x", "--batch", 2000).check(2)

    def test_kmeans_streamed(self):
        self.streamed(2, "many.h5:/packed", "20M").check(3)

    def test_kmeans_collective(self):
        self.streamed(3, "many.h5:/x", "26M", "--io", "collective").check(2)

    def test_predict(self):
        predict = ["predict", self.file("model.h5"), self.file("few.h5:/x"), "--labels", "labels.h5"]
        Job(self, 2, *predict, outputs=["labels.h5"]).check(3)
        Job(self, 3, *predict, "--io", "collective", outputs=["labels.h5"]).check(2)

    def test_expressions(self):
        # written while it is computed, in several batches
        Job(self, 2, "eval", "2 * sqrt(x * x)", "x=" + self.file("many.h5:/packed"), "-o", "out.h5:/y",
            "--memory", "20M", outputs=["out.h5"]).check(4)
        Job(self, 3, "reduce", "median(x), std(x - mean(x), axis=0)", "x=" + self.file("few.h5:/x")).check(2)
        Job(self, 2, "stats", self.file("many.h5:/x"), "--where", "x > 0", "--quantiles", "0.5",
            "--memory", "48M").check(3)

    def test_order(self):
        Job(self, 3, "sort", self.file("few.h5:/x"), "--axis", 0, "-o", "out.h5:/x", "--indices", "order.h5:/i",
            outputs=["out.h5", "order.h5"]).check(2)
        Job(self, 2, "unique", self.file("few.h5:/t"), "--counts").check(2)
        Job(self, 2, "histogram", self.file("many.h5:/packed"), "--memory", "20M").check(2)

    def test_selections(self):
        Job(self, 2, "slice", self.file("many.h5:/packed"), "[::-3, ::-1]", "-o", "out.h5:/y", "--memory", "24M",
            outputs=["out.h5"]).check(3)
        Job(self, 3, "take", self.file("few.h5:/x"), "--indices", "5,19999,-7", "-o", "out.h5:/y",
            outputs=["out.h5"]).check(2)
        Job(self, 2, "take", self.file("few.h5:/x"), "--where", "x > 0", "-o", "out.h5:/y", outputs=["out.h5"]).check(2)

    def test_regressions(self):
        x, y = self.file("few.h5:/x"), self.file("few.h5:/t")
        fit = ["glm", "--x", x, "--y", y, "--family", "poisson", "--residuals", "rows.h5", "--model", "glm.h5"]
        Job(self, 2, *fit, outputs=["rows.h5", "glm.h5"]).check(2)
        Job(self, 3, "linear", "--x", x, "--y", y, "--model", "out.h5", outputs=["out.h5"]).check(2)
        Job(self, 2, "glm", "--x", self.file("many.h5:/packed"), "--y", self.file("many.h5:/y"), "--memory",
            "40M").check(2)
        Job(self, 3, "softmax", "--x", x, "--y", self.file("few.h5:/k"), "--model", "out.h5",
            outputs=["out.h5"]).check(2)
        made = run(*fit, ranks=2, cwd=self.folder)
        self.assertEqual(made.returncode, 0, made.stderr)
        Job(self, 3, "predict", self.file("glm.h5"), x, "--predictions", "out.h5", outputs=["out.h5"]).check(2)

    def test_several_outputs(self):
        Job(self, 2, "eval", "a = 2 * x, b = a + 1", "x=" + self.file("many.h5:/packed"), "-o", "out.h5:/y", "-o",
            "other.h5:/y", "--memory", "24M", outputs=["out.h5", "other.h5"]).check(3)

    def test_faults_that_are_wrong(self):
        for ranks in (0, 2):
            for text in ("read", "read:rank=0,step=0", "reed:rank=0,step=1", "read:rank=0,step=1,ms=3"):
                refused = run("stats", self.file("few.h5:/x"), ranks=ranks, env={"SERRIED_FAULT": text})
                told = [line for line in refused.stderr.splitlines() if line.startswith("serried")]
                self.assertEqual(refused.returncode, 2)
                self.assertEqual(len(told), 1, refused.stderr)
                self.assertIn("SERRIED_FAULT", told[0])
                self.assertEqual(refused.stdout, "")


if __name__ == "__main__":
    main()
