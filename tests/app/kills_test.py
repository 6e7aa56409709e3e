"""One rank is killed at a random moment of a run (kmeans, predict, stats): the job is over within seconds, its code is
not 0, what it wrote is whole or absent, and the next run leaves nothing behind. SERRIED_TEST_KILLS is how many (12)."""

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


class Kills(support.CommandTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.data = os.path.join(cls.folder, "data.h5")
        rows = np.random.default_rng(5).normal(size=(400_000, 8)).astype(np.float32)
        with h5py.File(cls.data, "w") as file:
            file.create_dataset("x", data=rows, chunks=(10_000, 8), compression="gzip", compression_opts=1)

        cls.trained = os.path.join(cls.folder, "trained.h5")
        made = support.run("kmeans", f"{cls.data}:/x", "--clusters", "5", "--max-iterations", "2", "--model", cls.trained)
        assert made.returncode == 0, made.stderr

    # verb: what a run that was not hit prints
    PRINTED = {"kmeans": '"clusters"', "predict": '"sizes"', "stats": '"mean"'}

    def command(self, verb, out):
        shared = ["--report", f"{out}/{verb}.html", "--json", "--memory", "200M"]
        if verb == "kmeans":
            return ["kmeans", f"{self.data}:/x", "--clusters", "5", "--max-iterations", "20", "--tolerance", "0",
                    "--labels", f"{out}/labels.h5:/l", "--model", f"{out}/model.h5", *shared]
        if verb == "predict":
            return ["predict", self.trained, f"{self.data}:/x", "--labels", f"{out}/predicted.h5:/l", *shared]
        return ["stats", f"{self.data}:/x", *shared]

    # the files of each verb when it is done
    OUTPUTS = {"kmeans": ["kmeans.html", "labels.h5", "model.h5"], "predict": ["predict.html", "predicted.h5"],
               "stats": ["stats.html"]}

    def check_outputs(self, out, told):
        for name in os.listdir(out):
            path = os.path.join(out, name)
            if name.endswith(".html"):
                with open(path) as file:
                    self.assertTrue(file.read().rstrip().endswith("</html>"), told)
            if not name.endswith(".h5"):
                continue
            with h5py.File(path) as file:
                self.assertTrue(list(file), told)
                if name != "model.h5":
                    labels = file["l"][...]
                    self.assertEqual(len(labels), 400_000, told)
                    self.assertGreaterEqual(labels.min(), 0, told)

    def test_kill_at_random_moments(self):
        seed = int(os.environ.get("SERRIED_TEST_SEED", "0")) or random.randrange(1 << 30)
        dice = random.Random(seed)
        out = self.path("out")
        os.makedirs(out)
        whole_s = {}
        for verb in self.OUTPUTS:
            start = time.monotonic()
            done = support.run(*self.command(verb, out), ranks=3)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(self.PRINTED[verb], done.stdout)
            whole_s[verb] = time.monotonic() - start
        killed = 0
        hung_launchers = 0
        phases = {}
        for attempt in range(4 * KILLS):
            if killed == KILLS:
                break
            ranks = dice.choice((2, 3, 4, 5))
            # half of them hit the fit, which does the most
            verb = dice.choice(("kmeans", "kmeans", "predict", "stats"))
            wait_s = dice.uniform(0, whole_s[verb])
            told = f"seed {seed}, attempt {attempt}: {verb}, {ranks} ranks, killed after {wait_s:.3f} s"
            process = subprocess.Popen(
                [support.MPIEXEC, support.NUMPROC_FLAG, str(ranks), support.SERRIED,
                 *self.command(verb, out)],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL)
            time.sleep(wait_s)
            pids = support.ranks_of(process.pid)
            if pids:
                try:
                    os.kill(dice.choice(pids), signal.SIGKILL)
                except ProcessLookupError:
                    pids = []
            at = time.monotonic()
            try:
                printed, said = process.communicate(timeout=LIMIT_S if pids else 60)
            except subprocess.TimeoutExpired:
                left = support.ranks_of(process.pid)
                printed, said = support.kill_run(process)
                # A rank that dies while it says hello to PMIx 4.2.2's server leaves a lock held there: mpirun ends the
                # other ranks, reports the death and waits for that lock for ever. No rank of the program is left then.
                self.assertTrue(pids and not left, f"{told}: not over after {LIMIT_S} s: {left}\n{printed}\n{said}")
                hung_launchers += 1
                self.check_outputs(out, f"{told}\n{said}")
                continue
            if pids and process.returncode != 0:
                killed += 1
                self.assertLess(time.monotonic() - at, LIMIT_S, told)
                phase = f"{verb} {1 + int(4 * wait_s / whole_s[verb])}/4"
                phases[phase] = phases.get(phase, 0) + 1
            elif pids:
                # the rank was past everything that matters
                self.assertIn(self.PRINTED[verb], printed, told)
            self.check_outputs(out, f"{told}\n{said}")
        self.assertEqual(killed, KILLS, f"too few were hit; {phases}")
        print(f"{killed} ranks killed; by quarter of the run: {dict(sorted(phases.items()))}; launchers that hung after "
              f"their ranks had ended: {hung_launchers}")
        for verb in self.OUTPUTS:
            done = support.run(*self.command(verb, out), ranks=2)
            self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(sorted(os.listdir(out)), sorted(sum(self.OUTPUTS.values(), [])))
        self.check_outputs(out, "the last run")


if __name__ == "__main__":
    support.main()
