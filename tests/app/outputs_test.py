"""Outputs are whole or absent, whatever dies when, and two runs never write one output.

SERRIED_KILLS is how often a rank is killed while an output is being written (default 6).
"""

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
import unittest

from support import MPIEXEC, NUMPROC_FLAG, QUICK, SERRIED, CommandTest, kill_run, main, need_oracles, ranks_of, run

need_oracles()

import h5py  # noqa: E402
import numpy  # noqa: E402

KILLS = int(os.environ.get("SERRIED_KILLS", "6"))
ROWS = 600_000
PARTS = re.compile(r"^\.(.*)\.tmp\.(\d+)\.(\d+)\.(.*)-([0-9a-f]{6})\.([0-9a-f]{6})\.(\d+)\.([0-9a-f]+)$")


class Outputs(CommandTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        random_numbers = numpy.random.default_rng(5)
        with h5py.File(os.path.join(cls.folder, "run.h5"), "w") as file:
            file["/x"] = random_numbers.random((ROWS, 2), dtype="f4")
            file["/few"] = random_numbers.random((100, 2))
        cls.run_in(cls, "kmeans", "run.h5:/x", "--clusters", 16, "--max-iterations", 1, "--init", "random",
                   "--labels", "expected.h5", "--model", "model.h5", "--quiet")
        with h5py.File(os.path.join(cls.folder, "expected.h5")) as file:
            cls.expected = file["/labels"][:]

    def run_in(self, *arguments, code=0, **options):
        """Runs in the folder of the tests, and wants that exit code."""
        done = run(*arguments, cwd=self.folder, **options)
        if done.returncode != code:
            raise AssertionError(f"serried {arguments}: exit code {done.returncode}, not {code}\n{done.stderr}")
        return done

    def setUp(self):
        self.out = self.path("out")
        os.makedirs(self.out)

    def tearDown(self):
        shutil.rmtree(self.out)

    def start(self, *arguments, ranks=1, **options):
        command = [MPIEXEC, NUMPROC_FLAG, str(ranks), SERRIED] + [str(a) for a in arguments]
        return subprocess.Popen(command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, **options)

    def temporary_files(self):
        return [name for name in os.listdir(self.out) if ".tmp." in name]

    def wait_for(self, condition, process=None, seconds=30):
        end = time.monotonic() + seconds
        while not condition():
            if process is not None and process.poll() is not None:
                return False
            self.assertLess(time.monotonic(), end, "nothing happened")
            time.sleep(0.001)
        return True

    # -- two runs ----------------------------------------------------------------------------------------------

    def slow_fit(self, ranks=1, name="l.h5"):
        return self.start("kmeans", "run.h5:/x", "--clusters", 256, "--n-init", 1000, "--tolerance", 0,
                          "--init", "random", "--labels", f"out/{name}", "--quiet", ranks=ranks,
                          env={**os.environ, **QUICK})

    def is_claimed(self):
        """Whether an output is held: its temporary file can be read."""
        for name in self.temporary_files():
            try:
                if os.stat(os.path.join(self.out, name)).st_mode & 0o400:
                    return True
            except FileNotFoundError:
                pass
        return False

    def test_second_run_with_the_same_output(self):
        first = self.slow_fit(ranks=2)
        try:
            self.wait_for(self.is_claimed, first)
            before = self.temporary_files()
            self.assertEqual(len(before), 1)
            pid = PARTS.match(before[0]).group(7)
            self.assertIn(int(pid), ranks_of(first.pid))
            os.symlink("out", self.path("link"))
            for ranks, path in ((0, "out/l.h5"), (2, "link/l.h5"), (3, os.path.join(self.out, "l.h5"))):
                done = self.run_in("kmeans", "run.h5:/few", "--clusters", 2, "--labels", path, "--quiet",
                                   ranks=ranks, code=4)
                self.assertEqual(done.stderr.count("serried: "), 1, done.stderr)
                self.assertIn(f"process {pid}", done.stderr)
            os.unlink(self.path("link"))
            self.run_in("predict", "model.h5", "run.h5:/x", "--labels", "out/l.h5", "--quiet", code=4)
            # names that begin or end alike are other outputs
            for name in ("l", "l.h5.h5", "xl.h5", ".l.h5"):
                self.run_in("kmeans", "run.h5:/few", "--clusters", 2, "--labels", f"out/{name}", "--quiet")
            self.assertEqual(self.temporary_files(), before)
        finally:
            kill_run(first)

    def test_runs_that_start_at_once(self):
        for attempt in range(4):
            ranks = 1 + attempt % 2
            runs = [self.slow_fit(ranks=ranks) for _ in range(3)]
            try:
                self.wait_for(lambda: sum(r.poll() is not None for r in runs) == 2, seconds=50)
                losers = [r for r in runs if r.poll() is not None]
                winner = next(r for r in runs if r.poll() is None)
                for loser in losers:
                    self.assertEqual(loser.returncode, 4, loser.communicate()[1])
                self.wait_for(self.is_claimed)
                time.sleep(0.2)
                self.assertIsNone(winner.poll())
                names = self.temporary_files()
                self.assertEqual(len(names), 1)
                self.assertIn(int(PARTS.match(names[0]).group(7)), ranks_of(winner.pid))
            finally:
                for each in runs:
                    kill_run(each)

    # -- what earlier runs have left ---------------------------------------------------------------------------

    def leave(self, name="l.h5", job="0", attempt="0", host=None, boot=None, pid=None, start=None):
        """An unfinished output as this host would name it, but for what is given."""
        if not hasattr(Outputs, "parts"):
            process = self.slow_fit(name="parts.h5")
            self.wait_for(self.is_claimed, process)
            Outputs.parts = PARTS.match(self.temporary_files()[0]).groups()
            kill_run(process)
        _, _, _, host_name, this_host, this_boot, this_pid, this_start = Outputs.parts
        left = (f".{name}.tmp.{job}.{attempt}.{host_name}-{host or this_host}.{boot or this_boot}."
                f"{pid or this_pid}.{start or this_start}")
        with open(os.path.join(self.out, left), "w", encoding="utf-8") as file:
            file.write("unfinished")
        return left

    def fit(self, ranks=2, code=0, env=None):
        return self.run_in("kmeans", "run.h5:/few", "--clusters", 2, "--labels", "out/l.h5", ranks=ranks, code=code,
                           env=env)

    def test_leftovers(self):
        self.leave()  # of a run that was killed
        self.leave(boot="ffffff")
        self.leave(pid=os.getpid())  # a number that was given again
        other = self.leave(name="l")
        done = self.fit()
        self.assertNotIn("tmp", done.stderr)
        self.assertEqual(sorted(os.listdir(self.out)), sorted(["l.h5", other] + self.leave_of_parts()))

    def leave_of_parts(self):
        return [name for name in os.listdir(self.out) if name.startswith(".parts.h5.tmp.")]

    def test_leftovers_of_other_hosts(self):
        left = self.leave(host="ffffff")
        done = self.fit()
        self.assertIn(left, done.stderr)
        self.assertEqual(done.stderr.count(left), 1, done.stderr)
        self.assertIn(left, os.listdir(self.out))
        self.assertIn("l.h5", os.listdir(self.out))

    def test_leftovers_of_slurm_jobs(self):
        self.leave(job="4711", attempt="1", host="ffffff")
        self.leave(job="4711", host="ffffff")
        other = self.leave(job="4712", host="ffffff")
        done = self.fit(env={"SLURM_JOB_ID": "4711", "SLURM_RESTART_COUNT": "2"})
        self.assertIn(other, done.stderr)
        self.assertEqual(sorted(name for name in os.listdir(self.out) if "parts" not in name), [other, "l.h5"])
        os.unlink(os.path.join(self.out, "l.h5"))
        self.leave(job="4711", attempt="3", host="ffffff")
        done = self.fit(code=4, env={"SLURM_JOB_ID": "4711", "SLURM_RESTART_COUNT": "2"})
        self.assertIn("a later attempt of this job", done.stderr)
        self.assertNotIn("l.h5", os.listdir(self.out))

    # -- death ------------------------------------------------------------------------------------------------

    def is_whole(self, name):
        with h5py.File(os.path.join(self.out, name)) as file:
            return numpy.array_equal(file["/labels"][:], self.expected)

    def kill_one(self, dice, ranks, arguments):
        """Kills a rank while the labels are being written. Returns the exit code, None where all was over."""
        process = self.start(*arguments, "--quiet", ranks=ranks)

        def is_writing():
            try:
                return any(os.stat(os.path.join(self.out, name)).st_blocks > 0 for name in self.temporary_files())
            except FileNotFoundError:
                return False

        self.wait_for(is_writing, process)
        time.sleep(dice.choice((0, dice.uniform(0, 0.05), dice.uniform(0, 0.3))))
        alive = ranks_of(process.pid)
        if not alive:
            process.communicate()
            return None
        try:
            os.kill(dice.choice(alive), signal.SIGKILL)
        except ProcessLookupError:
            process.communicate()
            return None
        begin = time.monotonic()
        process.communicate(timeout=30)
        self.assertLess(time.monotonic() - begin, 10)
        return process.returncode

    def test_kill_while_writing(self):
        dice = random.Random(int(os.environ.get("SERRIED_KILLS_SEED", "7")))
        kmeans = ["kmeans", "run.h5:/x", "--clusters", 16, "--max-iterations", 1, "--init", "random",
                  "--labels", "out/l.h5", "--model", "out/m.h5"]
        predict = ["predict", "model.h5", "run.h5:/x", "--labels", "out/l.h5"]
        unfinished = 0
        for kill in range(KILLS):
            ranks = 2 + kill % 3
            arguments = predict if kill // 3 % 2 else kmeans
            code = self.kill_one(dice, ranks, arguments)
            left = os.listdir(self.out)
            unfinished += "l.h5" not in left
            self.assertTrue(code is None or code != 0 or "l.h5" in left, left)
            if "l.h5" in left:
                self.assertTrue(self.is_whole("l.h5"))
            if "m.h5" in left:
                self.run_in("predict", "out/m.h5", "run.h5:/few", "--quiet")
            self.run_in(*arguments, "--quiet", ranks=ranks)
            left = sorted(os.listdir(self.out))
            self.assertEqual(left, ["l.h5", "m.h5"] if arguments is kmeans or "m.h5" in left else ["l.h5"])
            self.assertTrue(self.is_whole("l.h5"))
            for name in left:
                os.unlink(os.path.join(self.out, name))
        print(f"{KILLS} ranks killed, {unfinished} before the labels were complete", file=sys.stderr)
        self.assertGreater(unfinished, 0)

    # -- full disks ---------------------------------------------------------------------------------------------

    def on_disk(self, kibibytes, ranks, arguments, fill=False, options="", limit_s=60):
        """Runs where ./out has that much room, and is filled once an output is claimed, if `fill`. Returns (exit
        code, standard error, files that are left, seconds)."""
        filler = 'while ! ls -A out | grep -q tmp; do sleep 0.01; done; head -c 1G /dev/zero 2>/dev/null >out/filler; '
        script = (f'mount -t tmpfs -o size={kibibytes}k{options} tmpfs out || exit 77; '
                  f'"$@" >/dev/null & run=$!; {filler if fill else ""} wait $run; code=$?; ls -A out; exit $code')
        begin = time.monotonic()
        done = subprocess.run(["unshare", "--mount", "sh", "-c", script, "sh", MPIEXEC, NUMPROC_FLAG, str(ranks), SERRIED]
                              + [str(a) for a in arguments], capture_output=True, text=True, timeout=limit_s,
                              cwd=self.folder, stdin=subprocess.DEVNULL, env={**os.environ, **QUICK})
        if done.returncode == 77 or "unshare" in done.stderr:
            self.skipTest("no file system can be mounted here")
        return done.returncode, done.stderr, done.stdout.split(), time.monotonic() - begin

    def fails_on_disk(self, text, kibibytes, ranks, *arguments, whole=(), **options):
        with self.subTest(kibibytes=kibibytes, ranks=ranks, verb=arguments[0], **options):
            code, error, left, seconds = self.on_disk(kibibytes, ranks, arguments, **options)
            self.assertEqual(code, 4, error)
            self.assertEqual(error.count("serried: "), 1, error)
            self.assertIn(text, error)
            self.assertEqual([name for name in left if name != "filler"], list(whole))
            self.assertLess(seconds, 20)  # 10, on a machine that does nothing else

    def test_full_disk_in_the_labels(self):
        kmeans = ["kmeans", "run.h5:/x", "--clusters", 16, "--max-iterations", 1, "--init", "random",
                  "--labels", "out/l.h5", "--quiet"]
        predict = ["predict", "model.h5", "run.h5:/x", "--labels", "out/l.h5", "--quiet"]
        needed = os.path.getsize(self.path("expected.h5")) // 1024
        for ranks in (1, 2, 3, 4):
            for kibibytes in (4, 32, needed // 3, needed - 16):
                self.fails_on_disk("no space left on the file system", kibibytes, ranks, *kmeans)
            for kibibytes in (48, needed // 2, needed - 40):
                self.fails_on_disk("no space left on the file system", kibibytes, ranks, *predict)
            self.fails_on_disk("no space left on the file system", 6000, ranks, *predict, "--threads", 1, fill=True)

    def test_disk_that_suffices(self):
        """No more is asked for than the compressed labels, and what each rank writes at a time."""
        with h5py.File(self.path("run.h5")) as file, h5py.File(self.path("many.h5"), "w") as many:
            many["/x"] = numpy.tile(file["/x"][:], (10, 1))
        predict = ["predict", "model.h5", "many.h5:/x", "--labels", "out/l.h5", "--quiet"]
        kmeans = ["kmeans", "many.h5:/x", "--clusters", 16, "--max-iterations", 1, "--init", "random", "--labels",
                  "out/l.h5", "--quiet"]
        self.run_in(*predict)
        needed = os.path.getsize(os.path.join(self.out, "l.h5")) // 1024
        for ranks in (1, 4):
            room = needed + ranks * 1300
            self.assertLess(room, 10 * ROWS * 4 // 1024 // 2)
            for arguments in (kmeans, predict):
                code, error, left, _ = self.on_disk(room, ranks, arguments)
                self.assertEqual(code, 0, error)
                self.assertEqual(left, ["l.h5"])
        os.unlink(self.path("many.h5"))

    def test_full_disk_in_the_model(self):
        kmeans = ["kmeans", "run.h5:/x", "--clusters", 16, "--max-iterations", 40, "--tolerance", 0, "--init", "random",
                  "--quiet"]
        for ranks in (1, 2, 3, 4):
            # before the work, and when another program has taken the space meanwhile
            self.fails_on_disk("no space left on the file system", 4, ranks, *kmeans, "--model", "out/a", "--labels",
                               "out/b")
            self.fails_on_disk("no space left on the file system", 400, ranks, *kmeans, "--model", "out/m.h5", fill=True)
            self.fails_on_disk("no space left on the file system", 4000, ranks, *kmeans, "--labels", "out/l.h5",
                               fill=True)

    def test_read_only_file_system(self):
        for ranks in (1, 2):
            self.fails_on_disk("the file system is mounted read-only", 100, ranks, "kmeans", "run.h5:/x", "--clusters", 64,
                               "--max-iterations", 100000, "--tolerance", 0, "--labels", "out/l.h5", "--quiet",
                               options=",ro")


if __name__ == "__main__":
    main()
