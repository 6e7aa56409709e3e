"""One rank is killed at a random moment of a run: the job is over within seconds, its code is not 0, what it wrote is
whole or absent, and the next run leaves nothing behind. SERRIED_TEST_KILLS is how many (12)."""

import os
import random
import signal
import subprocess
import time

import support

support.need_oracles()

import h5py  # noqa: E402
import numpy as np  # noqa: E402

KILLS = int(os.environ.get("SERRIED_TEST_KILLS", "12"))
LIMIT_S = 10


def children(pid):
    """The processes that a launcher has started, by number; several levels of daemons may stand between."""
    found = []
    tasks = f"/proc/{pid}/task"
    for task in os.listdir(tasks):
        try:
            with open(f"{tasks}/{task}/children") as file:
                for child in file.read().split():
                    found.append(int(child))
                    found += children(int(child))
        except OSError:
            pass
    return found


def ranks_of(launcher):
    pids = []
    for pid in children(launcher):
        try:
            if os.path.realpath(f"/proc/{pid}/exe") == os.path.realpath(support.SERRIED):
                pids.append(pid)
        except OSError:
            pass
    return pids


class Kills(support.CommandTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.data = os.path.join(cls.folder, "data.h5")
        rows = np.random.default_rng(5).normal(size=(400_000, 8)).astype(np.float32)
        with h5py.File(cls.data, "w") as file:
            file.create_dataset("x", data=rows, chunks=(10_000, 8), compression="gzip", compression_opts=1)

    def command(self, out):
        return ["kmeans", f"{self.data}:/x", "--clusters", "5", "--max-iterations", "20", "--tolerance", "0", "--labels",
                f"{out}/labels.h5:/l", "--model", f"{out}/model.h5", "--json", "--memory", "200M"]

    def check_outputs(self, out, told):
        for name in ("labels.h5", "model.h5"):
            path = os.path.join(out, name)
            if not os.path.exists(path):
                continue
            with h5py.File(path) as file:
                self.assertTrue(list(file), told)
                if name == "labels.h5":
                    labels = file["l"][...]
                    self.assertEqual(len(labels), 400_000, told)
                    self.assertGreaterEqual(labels.min(), 0, told)

    def test_kill_at_random_moments(self):
        seed = int(os.environ.get("SERRIED_TEST_SEED", "0")) or random.randrange(1 << 30)
        dice = random.Random(seed)
        out = self.path("out")
        os.makedirs(out)
        start = time.monotonic()
        done = support.run(*self.command(out), ranks=3)
        self.assertEqual(done.returncode, 0, done.stderr)
        whole_s = time.monotonic() - start
        killed = 0
        phases = {}
        for attempt in range(4 * KILLS):
            if killed == KILLS:
                break
            ranks = dice.choice((2, 3, 4, 5))
            wait_s = dice.uniform(0, whole_s)
            told = f"seed {seed}, attempt {attempt}: {ranks} ranks, killed after {wait_s:.3f} s"
            process = subprocess.Popen(
                [support.MPIEXEC, support.NUMPROC_FLAG, str(ranks), support.SERRIED, *self.command(out)],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL)
            time.sleep(wait_s)
            pids = ranks_of(process.pid)
            if pids:
                try:
                    os.kill(dice.choice(pids), signal.SIGKILL)
                except ProcessLookupError:
                    pids = []
            at = time.monotonic()
            try:
                printed, said = process.communicate(timeout=LIMIT_S if pids else 60)
            except subprocess.TimeoutExpired:
                for pid in ranks_of(process.pid):
                    os.kill(pid, signal.SIGKILL)
                process.kill()
                printed, said = process.communicate()
                self.fail(f"{told}: not over after {LIMIT_S} s\n{printed}\n{said}")
            if pids and process.returncode != 0:
                killed += 1
                self.assertLess(time.monotonic() - at, LIMIT_S, told)
                phase = int(4 * wait_s / whole_s)
                phases[phase] = phases.get(phase, 0) + 1
            elif pids:
                # the rank was past everything that matters
                self.assertIn('"clusters"', printed, told)
            self.check_outputs(out, f"{told}\n{said}")
        self.assertEqual(killed, KILLS, f"too few were hit; {phases}")
        print(f"{killed} ranks killed; by quarter of the run: {dict(sorted(phases.items()))}")
        done = support.run(*self.command(out), ranks=2)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(sorted(os.listdir(out)), ["labels.h5", "model.h5"])
        self.check_outputs(out, "the last run")


if __name__ == "__main__":
    support.main()
