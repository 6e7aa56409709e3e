"""Every command of README.md and docs/ is run as it stands there and ends with code 0, or is in NOT_RUN with a reason.

A page's commands run one after another in a folder of the page, with the files that the pages speak of
(`make_files`). A comment line right after a command shows a line that it prints; numbers behind `=` may differ from run
to run. Pictures of docs/figures have the cells of those that the commands make. The simulation is made smaller
(`smaller`)."""

import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest

import markdown

try:
    import h5py
    import numpy as np
    import PIL.Image
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

SERRIED = os.environ["SERRIED"]
GRAY_SCOTT = os.environ["GRAY_SCOTT"]
MPIEXEC = os.environ.get("MPIEXEC", "mpirun")
DATA = os.environ.get("SERRIED_TEST_DATA", "")
EMULATED_GPU = os.environ.get("SERRIED_EMULATED_MODULE", "")
VERBS = ("info", "stats", "histogram", "reduce", "eval", "slice", "take", "sort", "unique", "kmeans", "glm", "linear",
        "softmax", "predict")
PAGES = markdown.pages("docs") + ["README.md"]

RUN = re.compile(r"(\w+=\S+ )*(mpirun -n \d+ )?(\./)?(serried|gray_scott) |jobscripts/plain_mpirun\.sh "
                 r"|source <\(serried completion bash\)")
# What cannot be run here, and why. Each must be somewhere in the documents.
NOT_RUN = {
    r"scripts/(quickstart|test|sanitize|docs)\.sh": "builds; these scripts are run as they are to build and to test",
    r"scripts/gpu-(check|bundle)\.sh": "builds, or needs a card; tests/scripts/gpu_bundle.sh runs both",
    r"gpu-bundle/run\.sh|tar xf gpu\.tar\.xz": "of a bundle: tests/scripts/gpu_bundle.sh makes and moves one",
    r"scripts/slurm_sandbox\.sh": "starts a Slurm, as root: tests/app/slurm_sandbox_test.py",
    r"scripts/package\.sh": "builds a package; --check tries it on a bare system: tests/install/package/check.sh",
    r"spack|mkdir -p ~/serried-repo": "needs Spack",
    r"apptainer": "needs Apptainer",
    r"~/serried/bin/serried": "what is installed is tried by tests/install",
    r"sbatch|(\w+=\S+ )*srun": "needs Slurm: tests/app/slurm_sandbox_test.py",
    r"cmake|ctest": "builds; the names of presets are checked below",
    r"apt-get": "changes the system",
    r"mpiexec\.mpich": "needs a build with MPICH (preset mpich), whose suite runs this test with it",
    r"serried completion zsh": "writes into zsh's folders; tests/app/shell_test.py tries it",
    r"export|cd": "of an interactive shell: here the programs are in PATH",
}
TIMEOUT_S = 60


class Command:
    def __init__(self, page, line, text):
        self.page, self.line, self.text = page, line, text
        self.shown = []

    def __str__(self):
        return f"{self.page}:{self.line}: {self.text}"


def without_comment(text):
    """The text before a ' #' that is not quoted."""
    quote = None
    for i, character in enumerate(text):
        if quote:
            quote = None if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character == "#" and (i == 0 or text[i - 1].isspace()):
            return text[:i].rstrip()
    return text.rstrip()


def commands_of(page):
    found = []
    for block in markdown.split(page)[0]:
        if block.language not in ("sh", "bash"):
            continue
        begun, last = None, None
        for line, text in block.lines:
            if begun is not None:
                begun.text += " " + without_comment(text).strip()
            elif not text.strip():
                last = None
                continue
            elif text.startswith("#"):
                if last is not None:
                    last.shown.append(text[1:].strip())
                continue
            else:
                begun = last = Command(page, line, without_comment(text))
                found.append(begun)
            if begun.text.endswith("\\"):
                begun.text = begun.text[:-1].rstrip()
            else:
                begun = None
    return found


def reason_not_to_run(command):
    """The pattern of NOT_RUN that the command begins with, or None."""
    for pattern in NOT_RUN:
        if re.match(rf"(?:{pattern})(?![\w.-])", command.text):
            return pattern
    return None


def smaller(text):
    """The same simulation with 64 cells a side and a fiftieth of the steps; its snapshots are named by steps."""
    text = re.sub(r"--size \d+", "--size 64", text)
    text = re.sub(r"(--(?:steps|every|in-situ) )(\d+)", lambda m: f"{m[1]}{int(m[2]) // 50}", text)
    return re.sub(r"\bgs_(\d{6})", lambda m: f"gs_{int(m[1]) // 50:06}", text)


def make_files(folder):
    """The files that the documents speak of, small, under the names that they have there. For real files that this
    machine lacks there are stand-ins; returns their names."""
    rng = np.random.default_rng(7)
    x = rng.normal(size=(3000, 4)) + 4 * rng.integers(0, 3, size=(3000, 1))
    u = rng.random((40, 50))
    for name in ["run.h5"] + [f"run_{i}.h5" for i in range(3)]:
        with h5py.File(os.path.join(folder, name), "w") as f:
            f["x"], f["u"], f["fields/u"], f["fields/v"] = x, u, u, 1 - u
            f["weights"], f["particles/mass"], f["kind"] = rng.random(3000), rng.random(500), rng.integers(0, 3, 3000)
    with h5py.File(os.path.join(folder, "grid.h5"), "w") as f:
        f["land"] = rng.integers(0, 2, (40, 50), dtype=np.uint8)
    stand_ins = []
    for source, make in (("climate/sst.mnmean.nc", make_sst), ("enzo/moving7_0010.cpu0000", make_enzo)):
        name = os.path.basename(source)
        if os.path.exists(os.path.join(DATA, source)):
            os.symlink(os.path.realpath(os.path.join(DATA, source)), os.path.join(folder, name))
        else:
            make(os.path.join(folder, name), rng)
            stand_ins.append(name)
    return stand_ins


def make_sst(name, rng):
    """A NetCDF-4 file in the shape of NOAA's, with land."""
    with h5py.File(name, "w") as f:
        for axis, size, units in (("time", 24, "days since 1800-1-1"), ("lat", 18, "degrees_north"),
                                  ("lon", 36, "degrees_east")):
            f[axis] = np.arange(size, dtype="f4")
            f[axis].attrs["units"] = np.bytes_(units)
            f[axis].make_scale(axis)
        sst = rng.normal(size=(24, 18, 36)).astype("f4")
        sst[:, 3:9, 5:12] = np.nan
        f["sst"] = sst
        for i, axis in enumerate(("time", "lat", "lon")):
            f["sst"].dims[i].attach_scale(f[axis])


def make_enzo(name, rng):
    """Big-endian grids of cells, as Enzo writes them."""
    with h5py.File(name, "w") as f:
        for grid in range(1, 11):
            for field in ("Density", "Temperature", "x-velocity", "y-velocity", "z-velocity"):
                f[f"Grid{grid:08}/{field}"] = rng.random((20, 20, 20)).astype(">f4")


def as_pattern(shown):
    return re.sub(r"=\d+", lambda _: r"=\d+", re.escape(shown).replace(r"\=", "="))


def cells(picture):
    """The part of a picture that shows the data: the text `Serried cells` says where that is."""
    with PIL.Image.open(picture) as image:
        x, y, width, height = (int(word) for word in image.text["Serried cells"].split()[:4])
        return np.asarray(image.convert("RGB"))[y:y + height, x:x + width]


class Commands(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="serried_docs_")
        programs = os.path.join(cls.folder, "bin")
        os.mkdir(programs)
        os.symlink(SERRIED, os.path.join(programs, "serried"))
        os.symlink(GRAY_SCOTT, os.path.join(programs, "gray_scott"))
        mpirun = os.path.join(programs, "mpirun")
        with open(mpirun, "w", encoding="utf-8") as f:
            f.write(f'#!/bin/sh\nexec "{shutil.which(MPIEXEC)}" "$@"\n')
        os.chmod(mpirun, stat.S_IRWXU)
        cls.environment = dict(os.environ, PATH=programs + os.pathsep + os.environ["PATH"])

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def page_folder(self, page):
        folder = os.path.join(self.folder, page.replace("/", "_"))
        os.mkdir(folder)
        self.stand_ins = make_files(folder)
        for program in ("serried", "gray_scott"):
            os.symlink(os.path.join(self.folder, "bin", program), os.path.join(folder, program))
        os.symlink(os.path.join(markdown.ROOT, "jobscripts"), os.path.join(folder, "jobscripts"))
        return folder

    def command_environment(self, page):
        environment = dict(self.environment)
        if page.endswith("gpu.md"):
            environment.update(SERRIED_CUDA_MODULE=EMULATED_GPU, SERRIED_EMULATION_DEVICES="4")
        return environment

    def run_page(self, page):
        folder, count = None, 0
        for command in commands_of(page):
            if reason_not_to_run(command) or not RUN.match(command.text):
                self.assertIsNotNone(reason_not_to_run(command),
                                     f"{command}: neither run by this test nor in NOT_RUN")
                self.assertFalse(command.shown, f"{command}: what it prints is not checked")
                continue
            if "plain_mpirun" in command.text and "mpich" in MPIEXEC:
                continue  # Open MPI's mpirun
            if folder is None:
                folder = self.page_folder(page)
            text = smaller(command.text)
            done = subprocess.run(["bash", "-c", text], cwd=folder, env=self.command_environment(page),
                                  capture_output=True, text=True, timeout=TIMEOUT_S, stdin=subprocess.DEVNULL)
            is_failure_shown = "SERRIED_FAULT" in text and any("injected fault" in line for line in command.shown)
            if not is_failure_shown:
                self.assertEqual(done.returncode, 0, f"{command}\n{done.stdout}{done.stderr}")
            else:
                self.assertNotEqual(done.returncode, 0, f"{command}\n{done.stdout}{done.stderr}")
            is_stand_in = any(name in text for name in self.stand_ins)
            if not is_stand_in:
                for shown in command.shown:
                    self.assertRegex(done.stdout + done.stderr, as_pattern(shown), str(command))
            self.check_outputs(command, folder)
            if text == command.text and not is_stand_in:
                self.check_pictures(command, folder)
            count += 1
        return count

    def check_outputs(self, command, folder):
        """What an option names is there afterwards, and is what it says."""
        for option, name in re.findall(r"(--(?:labels|model|output|report|picture|trace)) (\S+)", command.text):
            if name == "-" or option == "--output":
                continue
            path = os.path.join(folder, name)
            self.assertTrue(os.path.exists(path), f"{command}: {name} is not there")
            with open(path, "rb") as f:
                head = f.read(8)
            if name.endswith(".png"):
                self.assertEqual(head, b"\x89PNG\r\n\x1a\n", str(command))
            if name.endswith(".h5"):
                self.assertEqual(head, b"\x89HDF\r\n\x1a\n", str(command))
            if name.endswith(".json"):
                with open(path, encoding="utf-8") as f:
                    json.load(f)

    def check_pictures(self, command, folder):
        """A picture that stands in docs/figures too shows the same there, whatever its letters look like."""
        for name in re.findall(r"--picture (\S+)", command.text):
            shown = os.path.join(markdown.ROOT, "docs", "figures", name)
            if os.path.exists(shown):
                self.assertTrue(np.array_equal(cells(os.path.join(folder, name)), cells(shown)),
                                f"{command}: docs/figures/{name} shows something else; take the new one")

    def test_presets_are_there(self):
        with open(os.path.join(markdown.ROOT, "CMakePresets.json"), encoding="utf-8") as f:
            names = {preset["name"] for kind, presets in json.load(f).items() if kind.endswith("Presets")
                     for preset in presets}
        for page in PAGES:
            for command in commands_of(page):
                for name in re.findall(r"--preset (\S+)", command.text):
                    self.assertIn(name, names, str(command))

    def test_scripts_are_there(self):
        for page in PAGES:
            for command in commands_of(page):
                for name in re.findall(r"(?:^|\s)((?:scripts|jobscripts|packaging)/\S+)", command.text):
                    self.assertTrue(os.path.exists(os.path.join(markdown.ROOT, name)), str(command))

    def test_each_reason_is_needed(self):
        used = {reason_not_to_run(command) for page in PAGES for command in commands_of(page)}
        self.assertEqual(set(NOT_RUN) - used, set())

    def test_options_of_the_command_are_documented_and_there(self):
        """docs/command.md names the options that --help has, and no other."""
        helped = set()
        for arguments in ([],) + tuple([verb] for verb in VERBS):
            done = subprocess.run([SERRIED, *arguments, "--help"], capture_output=True, text=True, timeout=TIMEOUT_S)
            helped |= set(re.findall(r"(?<![\w-])--[a-z][a-z-]*[a-z]", done.stdout))
        told = {option for _, text in markdown.lines_of("docs/command.md")
                for option in re.findall(r"(?<![\w-])--[a-z][a-z-]*[a-z]", text)}
        self.assertEqual(told - helped, set(), "docs/command.md tells of them, --help does not")
        self.assertEqual(helped - told, set(), "--help tells of them, docs/command.md does not")


def test_of(page):
    def test(self):
        count = self.run_page(page)
        print(f"{page}: {count} commands", file=sys.stderr)
    return test


for each in PAGES:
    setattr(Commands, "test_" + re.sub(r"\W", "_", each), test_of(each))

if __name__ == "__main__":
    unittest.main(verbosity=2)
