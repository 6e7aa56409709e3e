"""Help, version and wrong usage: no input needed, one message, the right exit code, on any number of ranks."""

import re
import subprocess

from support import SERRIED, CommandTest, main, run, run_json

VERBS = ["info", "stats", "histogram", "reduce", "eval", "slice", "take", "sort", "unique", "kmeans", "glm", "linear",
        "softmax", "predict"]

WRONG = [
    ([], "a verb is needed"),
    (["cluster"], "verbs are info, stats, histogram, reduce, eval, slice, take, sort, unique, kmeans, glm, linear, "
     "softmax and predict"),
    (["stats"], "ADDR is required"),
    (["stats", "a.h5", "--bin", "3"], "--bin"),
    (["stats", "a.h5", "--bins", "0"], "at least 1"),
    (["stats", "a.h5", "--bins", "ten"], "--bins ten"),
    (["stats", "a.h5", "--memory", "0%"], "a share such as 60%"),
    (["stats", "a.h5", "--memory", "0." + 323 * "0" + "5%"], "a share such as 60%"),  # a hundredth of it is 0
    (["stats", "a.h5", "--range", "1"], "LO,HI"),
    (["stats", "a.h5", "--range", "2,1"], "must not exceed"),
    (["stats", "a.h5", "--range", "0,inf"], "LO,HI"),
    (["stats", "a.h5", "--ddof", "-1"], "at least 0"),
    (["kmeans", "a.h5"], "--clusters K is needed"),
    (["kmeans", "a.h5", "--clusters", "0"], "at least 1"),
    (["kmeans", "a.h5", "--clusters", "2.5"], "--clusters 2.5"),
    (["kmeans", "a.h5", "--clusters", "2:"], "LO:HI"),
    (["kmeans", "a.h5", "--clusters", "0:4"], "LO:HI"),
    (["kmeans", "a.h5", "--clusters", "5:4"], "LO:HI"),
    (["kmeans", "a.h5", "--clusters", "2:9:0"], "LO:HI"),
    (["kmeans", "a.h5", "--clusters", "2:9:1:1"], "LO:HI"),
    (["kmeans", "a.h5", "--clusters", "2:4", "--init", "c.h5:/c"], "no range with given centres"),
    (["kmeans", "a.h5", "--clusters", "2", "--silhouette-sample", "9"], "no use without a range"),
    (["kmeans", "a.h5", "--clusters", "2:4", "--silhouette-sample", "1"], "at least 2"),
    (["kmeans", "a.h5", "--clusters", "2", "--sample-axes", "0,0"], "named twice"),
    (["kmeans", "a.h5", "--clusters", "2", "--sample-axes", "-9"], "axis numbers"),
    (["kmeans", "a.h5", "--clusters", "2", "--sample-axes", "every"], "axis numbers"),
    (["kmeans", "a.h5", "--clusters", "2", "--missing", "ignore"], "error, drop"),
    (["kmeans", "a.h5", "--clusters", "2", "--init", "kmean"], "kmeans-parallel"),
    (["kmeans", "a.h5", "--clusters", "2", "--tolerance", "-1"], "at least 0"),
    (["kmeans", "a.h5", "--clusters", "2", "--tolerance", "nan"], "at least 0"),
    (["kmeans", "a.h5", "--clusters", "2", "--seed", "-4"], "whole number"),
    (["kmeans", "a.h5", "--clusters", "2", "--batch", "0"], "at least 1"),
    (["kmeans", "a.h5", "--clusters", "2", "--batch", "9", "--tolerance", "0"], "no use with --batch"),
    (["kmeans", "a.h5", "--clusters", "2", "--max-iterations", "0"], "at least 1"),
    (["kmeans", "a.h5", "--clusters", "2", "--labels", "o.h5", "--model", "./o.h5"], "same file"),
    (["kmeans", "a.h5", "--clusters", "2", "--labels", "o.h5:/l[0]"], "no selection"),
    (["kmeans", "a.h5:/u[", "--clusters", "2"], "a.h5:/u["),
    (["predict", "model.h5"], "ADDR is required"),
    (["info", "a.h5", "--threads", "0"], "at least 1"),
    (["info", "a.h5", "--report", ""], "--report"),
    (["info", "a.h5", "--device", "gpu"], "auto, host, cuda"),
]


def shell(arguments):
    """The exit code of a command line without a launcher, with redirections of its own."""
    done = subprocess.run(f'"{SERRIED}" {arguments}', shell=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          timeout=60)
    return done.returncode


class Usage(CommandTest):
    def assert_usage_error(self, arguments, part, ranks):
        done = run(*arguments, ranks=ranks)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertEqual(done.stdout, "")
        messages = [line for line in done.stderr.splitlines() if line.startswith("serried: ")]
        self.assertEqual(len(messages), 1, done.stderr)
        self.assertIn(part, done.stderr)

    def test_wrong_usage_alone(self):
        for arguments, part in WRONG:
            with self.subTest(arguments=arguments):
                self.assert_usage_error(arguments, part, 0)

    def test_wrong_usage_on_ranks(self):
        for arguments, part in WRONG[1::9]:
            with self.subTest(arguments=arguments):
                self.assert_usage_error(arguments, part, 3)

    def test_help_is_printed_once(self):
        for ranks in (0, 3):
            for arguments in [["--help"]] + [[verb, "--help"] for verb in VERBS]:
                with self.subTest(arguments=arguments, ranks=ranks):
                    done = run(*arguments, ranks=ranks)
                    self.assertEqual(done.returncode, 0, done.stderr)
                    self.assertEqual(done.stderr, "")
                    self.assertEqual(done.stdout.count("Usage: serried"), 1)
                    for option in ("--device", "--threads", "--json", "--quiet", "--report", "--progress",
                                   "--no-progress", "--io"):
                        self.assertIn(option, done.stdout)
                    self.assertIn("Example:\n", done.stdout)
                    for line in done.stdout.splitlines():
                        self.assertLessEqual(len(line), 120, line)

    def test_help_of_a_verb_is_asked_for_in_two_ways(self):
        for verb in VERBS:
            asked = run("help", verb)
            self.assertEqual((asked.returncode, asked.stdout), (0, run(verb, "--help").stdout))
        self.assertEqual(run("help").stdout, run("--help").stdout)
        wrong = run("help", "stat")
        self.assertEqual(wrong.returncode, 2)
        self.assertIn("stats", wrong.stderr)

    def test_help_shows_the_names_that_need_no_quotes(self):
        text = run("kmeans", "--help").stdout
        self.assertIn("kmeans-parallel", text)
        self.assertNotIn("||", text)

    def test_help_and_usage_need_no_mpi(self):
        # The first two are for Open MPI, the third is for MPICH.
        broken = {"OMPI_MCA_pml": "no_such_layer", "OMPI_MCA_mpi_show_help": "0", "PMI_FD": "99"}
        self.assertNotEqual(run("info", env=broken).returncode, 0, "MPI must not start in this environment")
        for verb in VERBS:
            self.assertEqual(run(verb, "--help", env=broken).returncode, 0)
        self.assertEqual(run("stats", env=broken).returncode, 2)

    def test_version(self):
        for ranks in (0, 2):
            self.assertEqual(run("stats", "--version", ranks=ranks).returncode, 0)
            done = run("--version", ranks=ranks)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(len(re.findall(r"^serried \d+\.\d+\.\d+ \(\w+.*\)$", done.stdout, re.M)), 1, done.stdout)
            self.assertRegex(done.stdout, r"\nHDF5 \d+\.\d+\.\d+")
            self.assertRegex(done.stdout, r"MPI")

    def test_cuda_is_refused_where_there_is_none(self):
        for ranks in (0, 3):
            done = run("info", "--device", "cuda", ranks=ranks)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertEqual(done.stderr.count("serried: "), 1, done.stderr)
            self.assertIn("CUDA", done.stderr)
        self.assertEqual(run("info", env={"SERRIED_DEVICE": "cuda"}).returncode, 1)
        self.assertEqual(run("info", "--device", "host", env={"SERRIED_DEVICE": "cuda"}).returncode, 0)
        wrong = run("info", env={"SERRIED_DEVICE": "gpu"})
        self.assertEqual(wrong.returncode, 2)
        self.assertIn("SERRIED_DEVICE", wrong.stderr)
        self.assertEqual(run("--help", env={"SERRIED_DEVICE": "gpu"}).returncode, 0)

    def test_streams_that_cannot_be_written(self):
        # Without an error stream the exit code still tells; without an output stream it does, too.
        for redirection, code in (("2>&-", 4), ("2>/dev/full", 4)):
            self.assertEqual(shell(f"stats nowhere.h5:/u {redirection}"), code)
        self.assertEqual(shell("info --report - --progress 2>/dev/full"), 0)
        for arguments in ("--help", "--version", "info", "stats --help"):
            self.assertEqual(shell(f"{arguments} >/dev/full"), 4, arguments)
            self.assertEqual(shell(f"{arguments} >&-"), 4, arguments)

    def test_info_without_a_file_tells_where_ranks_run(self):
        answer = run_json("info", "--threads", "2", ranks=3)
        self.assertEqual(len(answer["ranks"]), 3)
        self.assertEqual([rank["threads"] for rank in answer["ranks"]], [2, 2, 2])
        self.assertEqual(answer["files"], [])

    def test_common_options_stand_before_or_after_the_verb(self):
        before = run("--threads", "2", "--json", "info", ranks=1)
        after = run("info", "--threads", "2", "--json", ranks=1)
        self.assertEqual((before.returncode, after.returncode), (0, 0), before.stderr + after.stderr)
        self.assertIn('"threads":2', before.stdout)
        self.assertIn('"threads":2', after.stdout)


if __name__ == "__main__":
    main()
