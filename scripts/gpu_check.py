#!/usr/bin/env python3
"""Checks Serried on this machine's GPU. See scripts/gpu-check.sh and docs/gpu.md."""
import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

from gpu_steps import SHARES, Runner, Step, row_of

HERE = pathlib.Path(__file__).resolve().parent
BENCHES = ("copy_bandwidth", "kmeans", "moments", "histogram", "upload", "random")  # what matters most first
DEVICE_ROOMS = {"cuda": "cuda", "array": "spmd", "ml": "spmd"}
RANKS = (1, 2, 3, 4)
SANITIZER_ERROR = 86


# --- what there is to run


def list_tests(folder: pathlib.Path) -> list:
    """(program, kind, ranks, timeout) of the tests that a device matters for, read off their first lines."""
    tests = []
    for source in sorted(folder.glob("*/*_test.cpp")):
        room = source.parent.name
        if room not in DEVICE_ROOMS or source.stem == "emulation_test":  # that one is about the emulation itself
            continue
        ranks, timeout = list(RANKS), 120
        for line in source.read_text().splitlines()[:5]:
            if match := re.match(r"// ranks: (.*)$", line):
                ranks = [int(word) for word in match[1].split() if int(word) in RANKS]
            elif match := re.match(r"// timeout: (\d+)", line):
                timeout = int(match[1])
            elif line.startswith("// serial"):
                ranks = []
            elif line == "// host":
                break
        else:
            tests.append((f"{room}_{source.stem}", DEVICE_ROOMS[room], ranks, timeout))
    return tests


def test_line(test: tuple) -> str:
    program, kind, ranks, timeout = test
    return f"{program} {kind} {','.join(map(str, ranks)) or 'serial'} {timeout}"


class Tree:
    """Where programs lie: a bundle, or the build tree."""

    def __init__(self, build_tree: str):
        self.is_bundle = (HERE / "run.sh").exists()
        root = HERE if self.is_bundle else pathlib.Path(build_tree or HERE.parent / "build/host").resolve()
        self.root = root
        self.tests_folder = root / "tests"
        self.bench_folder = root / ("bench" if self.is_bundle else "bin/bench")
        self.peers = (root if self.is_bundle else HERE.parent) / "bench/cuda_peers.py"
        self.serried = root / "bin/serried"
        self.gray_scott = root / "bin/gray_scott"
        self.prefix = [str(root / "run.sh")] if self.is_bundle else []
        self.module = root / "lib/libserried_cuda.so"
        self.stand_in = next(iter(sorted(root.glob("**/libserried_nccl_stand_in.so"))), None)

    def tests(self) -> list:
        if not self.is_bundle:
            return list_tests(HERE.parent / "tests")
        tests = []
        for line in (self.tests_folder / "tests.list").read_text().splitlines():
            program, kind, ranks, timeout = line.split()
            counts = [] if ranks == "serial" else [int(count) for count in ranks.split(",")]
            tests.append((program, kind, counts, int(timeout)))
        return tests

    def manifest(self) -> dict:
        file = self.root / "MANIFEST"
        if file.exists():
            lines = [line.partition(" ") for line in file.read_text().splitlines()]
            return {key: value for key, _, value in lines if key not in ("library", "not-built")}
        commit = output_of(["git", "-C", str(HERE), "rev-parse", "HEAD"])
        changes = output_of(["git", "-C", str(HERE), "status", "--porcelain", "--untracked-files=no"])
        return {"commit": commit + (" with changes" if changes else "")}


def output_of(command: list, timeout: float = 20) -> str:
    """What a command prints; nothing where it cannot be had."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL)
        return done.stdout.strip() if done.returncode == 0 else ""
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return ""


def find_libraries(pattern: str) -> list:
    """CUDA's libraries: the system's, or those that came with PyTorch."""
    found = []
    for line in output_of(["ldconfig", "-p"]).splitlines():
        name, _, path = line.strip().partition(" => ")
        if path and re.match(pattern, name):
            found.append(path)
    for folder in (os.environ.get("CUDA_HOME", ""), "/usr/local/cuda"):
        found += [str(path) for path in pathlib.Path(folder or "/nowhere").glob("lib*/lib*.so.*")]
    script = "import site, sys, sysconfig; print(*sys.path, *site.getsitepackages(), sep=chr(10))"
    for folder in dict.fromkeys(output_of([sys.executable, "-c", script]).splitlines()):
        found += [str(path) for path in pathlib.Path(folder or "/nowhere").glob("nvidia/*/lib/lib*.so.*")]
    return [path for path in found if re.match(pattern, pathlib.Path(path).name)]


def find_nccl() -> str:
    found = [os.environ.get("SERRIED_NCCL_LIBRARY", ""), *find_libraries(r"libnccl\.so\.2$")]
    return next((path for path in found if path and pathlib.Path(path).exists()), "")


def library_folders() -> str:
    """LD_LIBRARY_PATH with the folders of cuBLAS and cuSOLVER at its end."""
    folders = [str(pathlib.Path(path).parent) for path in find_libraries(r"lib(cublas|cusolver)\.so\.\d+$")]
    given = os.environ.get("LD_LIBRARY_PATH", "")
    return ":".join(dict.fromkeys(folder for folder in [*given.split(":"), *folders] if folder))


def read_machine(tree: Tree) -> dict:
    machine = {"manifest": tree.manifest(), "kernel": os.uname().release, "cpus": len(os.sched_getaffinity(0))}
    fields = "name,driver_version,memory.total,memory.free,clocks.sm,clocks.max.sm,power.limit,temperature.gpu"
    fields += ",mig.mode.current,compute_mode,uuid"
    rows = output_of(["nvidia-smi", f"--query-gpu={fields}", "--format=csv,noheader"]).splitlines()
    machine["gpus"] = [dict(zip(fields.split(","), map(str.strip, row.split(",")))) for row in rows]
    for path, key, pattern in (
        ("/proc/cpuinfo", "cpu", r"model name\s*: (.*)"),
        ("/proc/meminfo", "memory", r"MemTotal:\s*(.*)"),
        ("/etc/os-release", "system", r'PRETTY_NAME="?([^"\n]*)'),
    ):
        try:
            match = re.search(pattern, pathlib.Path(path).read_text())
            machine[key] = match[1] if match else ""
        except OSError:
            machine[key] = ""
    machine["glibc"] = output_of(["getconf", "GNU_LIBC_VERSION"])
    machine["compute_sanitizer"] = (output_of([find_sanitizer(), "--version"]).splitlines() or [""])[-1]
    machine["serried"] = output_of([*tree.prefix, str(tree.serried), "--version"]).splitlines()
    machine["nccl"] = find_nccl()
    machine["python"] = sys.version.split()[0]
    return machine


def find_sanitizer() -> str:
    for folder in ("", os.environ.get("CUDA_HOME", "") + "/bin/", "/usr/local/cuda/bin/"):
        if found := shutil.which(folder + "compute-sanitizer"):
            return found
    return "compute-sanitizer"


def as_lines(report: dict) -> str:
    """JSON with a line for each step and each figure."""
    entries = []
    for key, value in report.items():
        text = json.dumps(value)
        if isinstance(value, list):
            text = "[\n" + ",\n".join("  " + json.dumps(item) for item in value) + "\n ]"
        entries.append(f" {json.dumps(key)}: {text}")
    return "{\n" + ",\n".join(entries) + "\n}\n"


# --- the parts


def tests_of(runner: Runner, tree: Tree, options) -> list:
    nccl = find_nccl()
    alone = {"SERRIED_TEST_DEVICE": "cuda", "OMP_NUM_THREADS": "2", "LD_LIBRARY_PATH": library_folders()}
    shared = alone | {"SERRIED_SHARE_GPU": "1"}
    steps = command_steps(tree, options)
    for program, kind, ranks, timeout in tree.tests():
        path = tree.tests_folder / program
        if not path.exists():
            runner.skip(Step.finished("tests", program, "not run", "not built"))
            continue
        ways = [(count, "staging", shared) for count in ranks] or [(0, "", shared)]
        # Arrays and k-means on a shared card go through host memory, whatever NCCL there is.
        if tree.stand_in and kind == "cuda":
            stand_in = shared | {"SERRIED_NCCL_LIBRARY": str(tree.stand_in)}
            ways += [(count, "stand-in", stand_in) for count in ranks if count > 1]
        if nccl and kind == "cuda" and 1 in ranks:
            ways.append((1, "NCCL", alone | {"SERRIED_NCCL_LIBRARY": nccl}))
        for count, way, environment in ways:
            launcher = ["mpirun", "-n", str(count)] if count else []
            command = [*tree.prefix, *launcher, str(path)]
            step = Step("tests", program, count, way, command, min(timeout, options.timeout), environment)
            step.kind = kind
            if program == "cuda_module_test":
                step.slots = options.jobs  # it takes all memory of the card: nothing may run beside it
            steps.append(step)
    # What tells most comes first: the time may not do for all.
    order = (0, 3, 1, 2, 4)
    steps.sort(key=lambda step: (step.kind == "spmd", order.index(step.ranks) if step.ranks in order else 9))
    runner.run_all(steps, options.jobs)
    return []


def command_steps(tree: Tree, options) -> list:
    """The command on the card at several numbers of ranks: the same answer, and nearly that of the host."""
    steps = []
    for verb in ("stats", "kmeans"):
        command = [sys.executable, str(HERE / "gpu_check.py"), "--compare", verb, "--build-tree", str(tree.root)]
        step = Step("tests", f"serried {verb}", 4, "1-4 ranks", command, 2 * options.timeout)
        step.kind = "command"
        steps.append(step)
    return steps


def compare(verb: str, tree: Tree, options) -> int:
    """Runs in a step of its own: `serried VERB` on the host, and on the card at 1 to 4 ranks."""
    with tempfile.TemporaryDirectory() as work:
        file = f"{work}/gs.h5"
        make = [*tree.prefix, str(tree.gray_scott), "--size", "256", "--steps", "800", "--output", file]
        subprocess.run(make, check=True, capture_output=True, timeout=options.timeout)
        command = [str(tree.serried), verb, file + ":/fields/u", file + ":/fields/v", "--json", "--quiet"]
        if verb == "stats":
            command += ["--bins", "20"]
        else:
            command += ["--sample-axes", "all", "--clusters", "8", "--seed", "3", "--max-iterations", "20"]
        answers = {}
        for ranks, device in [(1, "host")] + [(ranks, "cuda") for ranks in RANKS]:
            # Several ranks on one card must be told that they may share it.
            more = ["--device", device] + (["--share-gpu"] if device == "cuda" else [])
            launched = [*tree.prefix, "mpirun", "-n", str(ranks), *command, *more]
            done = subprocess.run(launched, capture_output=True, text=True, timeout=options.timeout)
            if done.returncode != 0:
                said = (done.stderr or done.stdout).strip()
                print(f"error: {ranks} ranks on {device}: {said}\ncode {done.returncode} of {' '.join(launched)}")
                return 1
            answers[(ranks, device)] = numbers_of(json.loads(done.stdout))
            if not answers[(ranks, device)]:
                print(f"error: no numbers in {done.stdout}")
                return 1
    first = answers[(1, "cuda")]
    for ranks in RANKS[1:]:
        if answers[(ranks, "cuda")] != first:
            print(f"error: {ranks} ranks differ from 1: {difference(first, answers[(ranks, 'cuda')])}")
            return 1
    away = difference(answers[(1, "host")], first)
    print(f"{len(first)} numbers are the same at 1 to 4 ranks; the host's differ by {away[0]:.2g} ({away[1]})")
    return 0 if away[0] < 1e-6 else 1


def numbers_of(value, path: str = "") -> dict:
    """The answer's numbers by their place, without what may differ: times, ranks, devices, memory, counters."""
    skip = r"seconds|ranks|threads|memory|device|bytes|report|examined|version"
    if isinstance(value, dict):
        parts = [numbers_of(item, f"{path}.{key}") for key, item in value.items() if not re.search(skip, key)]
    elif isinstance(value, list):
        parts = [numbers_of(item, f"{path}[{index}]") for index, item in enumerate(value)]
    else:
        return {path: value} if isinstance(value, (int, float)) and not isinstance(value, bool) else {}
    return {key: number for part in parts for key, number in part.items()}


def difference(a: dict, b: dict) -> tuple:
    """The largest relative difference and where it is."""
    worst = (0.0, "nowhere")
    for key in sorted(a.keys() | b.keys()):
        x, y = a.get(key), b.get(key)
        if x is None or y is None:
            return (float("inf"), key + " is missing")
        if x != y:
            worst = max(worst, (abs(x - y) / max(abs(x), abs(y), 1e-300), key))
    return worst


def sanitizer_of(runner: Runner, tree: Tree, options) -> list:
    tool = find_sanitizer()
    if not shutil.which(tool):
        runner.skip(Step.finished("sanitizer", "compute-sanitizer", "skipped", "it is not on this machine"))
        return []
    steps = []
    for check in ("memcheck", "racecheck"):
        for program, kind, ranks, _ in tree.tests():
            path = tree.tests_folder / program
            if kind != "cuda" or (ranks and 1 not in ranks) or not path.exists():
                continue
            command = [*tree.prefix, tool, "--tool", check, "--error-exitcode", str(SANITIZER_ERROR)]
            command += ["--print-limit", "20", "--launch-timeout", "60", "--base-port", str(49152 + 32 * len(steps))]
            if check == "memcheck":
                # Refused calls are errors that the library checks, and that the tests provoke.
                command += ["--report-api-errors", "no"]
            environment = {"SERRIED_SHARE_GPU": "1", "SERRIED_TEST_DEVICE": "cuda", "OMP_NUM_THREADS": "2"}
            environment["LD_LIBRARY_PATH"] = library_folders()
            step = Step("sanitizer", program, 0, check, [*command, str(path)], options.timeout, environment)
            step.check = lambda text: "" if re.search(r"SUMMARY: 0 (errors|hazards)", text) else "no clean summary"
            steps.append(step)
    runner.run_all(steps, max(1, options.jobs // 2))
    return []


def bench_of(runner: Runner, tree: Tree, options) -> list:
    quick = ["--quick"] if options.quick else []
    size = ["--elements", str(options.elements)] if options.elements else []
    steps = []
    for bench in BENCHES:
        program = tree.bench_folder / f"cuda_{bench}"
        command = [*tree.prefix, str(program), *quick, *size]
        steps.append(Step("bench", bench, 0, "serried", command, 60, {"SERRIED_CUDA_MODULE": str(tree.module)}))
    order = "copy,kmeans,moments,histogram,upload,random"
    peers = [options.python, str(tree.peers), "--only", order, *quick, *size]
    steps.append(Step("bench", "all of PyTorch's", 0, "torch", peers, 75, is_peer=True))
    for step in steps:
        runner.run_all([step], 1)
    return figures_of(steps)


def figures_of(steps: list) -> list:
    """Our figures with the peer's beside them; ratio: how many times the peer's time for an element is ours."""
    ours, peers = {}, {}
    for step in steps:
        for line in step.text.splitlines():
            try:
                figure = json.loads(line) if line.startswith("{") else None
            except ValueError:
                figure = None
            if isinstance(figure, dict) and "key" in figure:
                (peers if "peer" in figure else ours)[figure["key"]] = figure
    for key, figure in ours.items():
        peer = peers.get(key)
        if peer and figure.get("seconds") and figure.get("elements") and peer.get("elements"):
            figure["peer"] = peer
            figure["ratio"] = peer["seconds"] / peer["elements"] / (figure["seconds"] / figure["elements"])
    return [*ours.values(), *(peer for key, peer in peers.items() if key not in ours)]


# --- the report


def print_report(runner: Runner, figures: list) -> None:
    groups = {}
    for step in runner.steps:
        groups.setdefault((step.part, step.name), []).append(step)
    print(f"\n{'part':<9} {'test':<34} {'ranks':<12} {'seconds':>7}  results")
    for (part, name), steps in groups.items():
        ranks = " ".join(dict.fromkeys(str(step.ranks) for step in steps if step.ranks)) or "-"
        counts = {}
        for step in steps:
            counts[step.result] = counts.get(step.result, 0) + 1
        results = ", ".join(f"{number} {result}" for result, number in counts.items())
        print(f"{part:<9} {name:<34} {ranks:<12} {sum(step.seconds for step in steps):7.1f}  {results}")
    if failed := [step for step in runner.steps if step.is_failed]:
        print("\nnot passed:")
        for step in failed:
            print(row_of(step))
    if figures:
        print(f"\n{'figure':<40} {'elements':>12} {'ms':>10} {'least':>10} {'most':>10}  rate and shares")
    for figure in figures:
        rates = [f"{figure[key] * 1e-9:.1f} GB/s" for key in ("bytes_per_s",) if figure.get(key)]
        rates += [f"{figure['gflop_per_s']:.0f} GFLOP/s"] if figure.get("gflop_per_s") else []
        rates += [f"{figure['numbers_per_s'] * 1e-9:.2f} G numbers/s"] if figure.get("numbers_per_s") else []
        rates += [f"{100 * figure[key]:.0f}% of {what}" for key, what in
                  (("share_of_roof", "copy"), ("share_of_peak", "peak")) if figure.get(key)]  # fmt: skip
        rates += [f"{figure['ratio']:.2f}x torch"] if figure.get("ratio") else []
        rates += ["(torch)"] if isinstance(figure.get("peer"), str) else []
        times = [f"{1e3 * figure[key]:>10.3f}" for key in ("seconds", "seconds_least", "seconds_most")]
        print(f"{figure['key']:<40} {figure['elements']:>12} {' '.join(times)}  {', '.join(rates)}")
    counts = {}
    for step in runner.steps:
        counts[step.result] = counts.get(step.result, 0) + 1
    print("\n" + ", ".join(f"{number} {result}" for result, number in sorted(counts.items())))


def write_json(file: pathlib.Path, machine: dict, runner: Runner, figures: list, options) -> None:
    report = {
        "machine": machine,
        "date": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "options": {key: value for key, value in vars(options).items() if value not in (None, False)},
        "seconds": round(time.monotonic() - runner.begin, 1),
        "steps": [step.as_json() for step in runner.steps],
        "figures": figures,
    }
    file.write_text(as_lines(report))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="gpu-check.sh", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="no sanitizer, short benchmarks")
    parser.add_argument("--only", action="append", choices=tuple(SHARES), default=[], help="some parts")
    parser.add_argument("--out", default="", help="folder of the report and of failed steps' logs [./gpu-check]")
    parser.add_argument("--timeout", type=float, default=60, help="seconds of one test at most [60]")
    parser.add_argument("--budget", type=float, default=0, help="seconds of all; the rest is not run [240, quick 120]")
    parser.add_argument("--jobs", type=int, default=0, help="ranks of tests at once [the CPUs, 16 at most]")
    parser.add_argument("--elements", type=int, default=0, help="of each benchmark, instead of the usual number")
    parser.add_argument("--build-tree", default="", help="[build/host]")
    parser.add_argument("--python", default=sys.executable, help="an interpreter that has PyTorch [this one]")
    parser.add_argument("--keep-logs", action="store_true", help="of the steps that passed, too")
    parser.add_argument("--module", default="", help="SERRIED_CUDA_MODULE for all steps: an emulator, say")
    parser.add_argument("--list-tests", metavar="FOLDER", help=argparse.SUPPRESS)
    parser.add_argument("--compare", help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> int:
    options = parse()
    if options.list_tests:
        print("\n".join(test_line(test) for test in list_tests(pathlib.Path(options.list_tests))))
        return 0
    tree = Tree(options.build_tree)
    if options.compare:
        return compare(options.compare, tree, options)
    options.only = options.only or (["tests", "bench"] if options.quick else list(SHARES))
    options.jobs = options.jobs or min(16, len(os.sched_getaffinity(0)))
    options.budget = options.budget or (120 if options.quick else 240)
    out = pathlib.Path(options.out or "gpu-check").resolve()
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="serried-") as work:
        return check_all(tree, out, pathlib.Path(work), options)


def check_all(tree: Tree, out: pathlib.Path, work: pathlib.Path, options) -> int:
    machine = read_machine(tree)
    gpu = machine["gpus"][0]["name"] if machine["gpus"] else "no-gpu"
    name = re.sub(r"[^A-Za-z0-9]+", "-", gpu).strip("-") + time.strftime("-%Y-%m-%d-%H%M%S")
    report = out / (name + ".json")
    print(json.dumps(machine, indent=1), flush=True)
    figures = []

    def save(runner: Runner) -> None:
        write_json(report, machine, runner, figures, options)

    runner = Runner(options, out / (name + ".failed.log"), work, save)
    for part, run_part in (("tests", tests_of), ("bench", bench_of), ("sanitizer", sanitizer_of)):
        if part not in options.only:
            continue
        try:
            figures += run_part(runner, tree, options)
        except Exception as error:  # the other parts still count
            runner.skip(Step.finished(part, part, "failed", f"{type(error).__name__}: {error}"))
        save(runner)
    print_report(runner, figures)
    print(report)
    return min(100, sum(step.is_failed for step in runner.steps))


if __name__ == "__main__":
    sys.exit(main())
