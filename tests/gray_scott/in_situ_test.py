"""gray_scott --in-situ: the analyses in memory have the bits of `serried stats` and `serried kmeans` of the
snapshots of the same steps, at 1 to 4 ranks, with cuts on and off tile boundaries. Needs no packages."""
import json
import os
import subprocess
import tempfile
import unittest

GRAY_SCOTT = os.environ["GRAY_SCOTT"]
SERRIED = os.environ["SERRIED"]
LAUNCH = [os.environ["MPIEXEC"], os.environ.get("MPIEXEC_NUMPROC_FLAG", "-n")]


def run(ranks, *command):
    result = subprocess.run([*LAUNCH, str(ranks), *command], capture_output=True, text=True, timeout=300)
    if result.returncode != 0:
        raise AssertionError(f"{command}: code {result.returncode}\n{result.stdout}{result.stderr}")
    return result.stdout


def without_seconds(series):
    return [{key: value for key, value in entry.items() if key != "seconds"} for entry in series]


class InSitu(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.home = os.getcwd()
        os.chdir(self.folder.name)
        self.addCleanup(os.chdir, self.home)

    def check(self, size):
        expected = None
        for ranks in (1, 2, 3, 4):
            output = run(ranks, GRAY_SCOTT, "--size", size, "--steps", "20", "--every", "10", "--in-situ", "10",
                         "--clusters", "3", "--bins", "9", "--output", f"at{ranks}_%d.h5")
            self.assertIn(f"at{ranks}_in_situ.json", output)
            with open(f"at{ranks}_in_situ.json", encoding="utf-8") as file:
                series = json.load(file)
            self.assertEqual([entry["step"] for entry in series], [10, 20])
            self.assertEqual([entry["time"] for entry in series], [10, 20])
            expected = expected or self.of_files()
            self.assertEqual(without_seconds(series), expected)
        # states of one run do differ
        self.assertNotEqual(expected[0]["u"], expected[1]["u"])

    def of_files(self):
        """What the program says of the snapshots of one rank."""
        result = []
        for step in (10, 20):
            u, v = f"at1_{step}.h5:/fields/u", f"at1_{step}.h5:/fields/v"
            stats = json.loads(run(2, SERRIED, "stats", u, v, "--bins", "9", "--json"))["datasets"]
            kmeans = json.loads(run(2, SERRIED, "kmeans", u, v, "--sample-axes", "all", "--clusters", "3", "--json"))
            names = ["count", "nan_count", "min", "max", "mean", "variance", "std", "skewness", "kurtosis", "histogram"]
            fields = [{name: entry[name] for name in names} for entry in stats]
            names = ["rows", "features", "clusters", "inertia", "iterations", "converged", "sizes", "centers"]
            result.append({"step": step, "time": step, "u": fields[0], "v": fields[1],
                           "kmeans": {name: kmeans[name] for name in names}})
        return result

    def test_cuts_on_tiles_2d(self):
        self.check("256x256")  # tiles of 4 rows, in planes of 256

    def test_cuts_off_tiles_2d(self):
        self.check("255x301")  # tiles of 8 rows, in planes of 301

    def test_3d(self):
        self.check("29x31x33")

    def test_few_planes(self):
        self.check("2x900")

    def test_files(self):
        """The names of what belongs to a series; the series of a single snapshot."""
        for output, name in (("a.h5", "a"), ("b-%06d.h5", "b"), ("%d.h5", "series"), ("c.d", "c")):
            run(2, GRAY_SCOTT, "--size", "40", "--steps", "2", "--in-situ", "5", "--output", output)
            with open(f"{name}_in_situ.json", encoding="utf-8") as file:
                self.assertEqual([entry["step"] for entry in json.load(file)], [2])
            self.assertTrue(os.path.exists(f"{name}.xmf"), output)
        self.assertEqual([name for name in os.listdir() if name.startswith(".")], [])


if __name__ == "__main__":
    unittest.main()
