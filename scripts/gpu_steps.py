"""Steps of gpu_check.py: commands with time limits, run side by side; what they leave behind is ended."""
import os
import pathlib
import queue
import re
import shutil
import signal
import subprocess
import threading
import time

MPI_ENVIRONMENT = {
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "OMPI_MCA_rmaps_base_oversubscribe": "1",
    "OMPI_MCA_mpi_yield_when_idle": "1",
    "OMPI_MCA_hwloc_base_binding_policy": "none",
    "OMPI_MCA_btl_vader_single_copy_mechanism": "none",
    "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
}
SHARES = {"tests": 0.55, "bench": 0.85, "sanitizer": 1.0}  # of the budget, by when each part ends


class Step:
    """One command with a time limit. A peer is no program of ours: its environment is the user's own."""

    def __init__(self, part, name, ranks, way, command, timeout, environment=None, check=None, is_peer=False):
        self.part, self.name, self.ranks, self.way = part, name, ranks, way
        self.command, self.timeout, self.environment = command, timeout, environment or {}
        self.check = check  # called with the text; returns what is wrong, or ""
        self.is_peer = is_peer
        self.kind = part
        self.slots = max(1, ranks)
        self.result, self.seconds, self.note, self.text = "not run", 0.0, "", ""
        self.used_device = None  # whether a process of it has opened the CUDA module

    @classmethod
    def finished(cls, part: str, name: str, result: str, note: str) -> "Step":
        """A step that nothing is run for."""
        step = cls(part, name, 0, "", [], 0)
        step.result, step.note = result, note
        return step

    @property
    def is_failed(self) -> bool:
        return self.result not in ("passed", "skipped")

    def as_json(self) -> dict:
        entry = {"part": self.part, "name": self.name, "ranks": self.ranks, "way": self.way}
        entry |= {"result": self.result, "seconds": round(self.seconds, 2), "note": self.note}
        return entry | {"used_device": self.used_device}


class Runner:
    def __init__(self, options, failed_log: pathlib.Path, work_folder: pathlib.Path, save=lambda runner: None):
        self.options, self.failed_log, self.work_folder = options, failed_log, work_folder
        self.save = save  # called after each step: whoever ends this program in the middle keeps what there is
        self.begin = time.monotonic()
        self.steps = []
        self.started = 0
        self.active = {}  # session -> step
        self.lock = threading.Lock()
        self.monitor = threading.Thread(target=self.watch, daemon=True)
        self.monitor.start()

    def watch(self) -> None:
        """Notes which steps opened the CUDA module: a test that ran on the host must not pass for one of the card."""
        while True:
            time.sleep(0.08)
            with self.lock:
                active = {session: step for session, step in self.active.items() if not step.used_device}
            if not active:
                continue
            for session, processes in sessions().items():
                if session in active and any(has_module(process) for process in processes):
                    active[session].used_device = True

    def deadline(self, part: str) -> float:
        share = 1.0 if len(self.options.only) == 1 else SHARES[part]
        return self.begin + share * self.options.budget

    def run(self, step: Step) -> None:
        limit = min(step.timeout, self.deadline(step.part) - time.monotonic())
        if limit < 2:
            step.note = "no time left"
            return
        with self.lock:
            self.started += 1
            folder = self.work_folder / str(self.started)
        folder.mkdir()
        log = folder / "log"
        environment = {key: value for key, value in os.environ.items() if not key.startswith("SERRIED_")}
        if not step.is_peer:
            environment |= MPI_ENVIRONMENT | step.environment
            if self.options.module:
                environment["SERRIED_CUDA_MODULE"] = str(pathlib.Path(self.options.module).resolve())
        begin = time.monotonic()
        try:
            with open(log, "wb") as file:
                process = subprocess.Popen(
                    step.command, stdout=file, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                    env=environment, cwd=folder, start_new_session=True,
                )  # fmt: skip
                step.used_device = False
                with self.lock:
                    self.active[process.pid] = step
                try:
                    code = process.wait(limit)
                except subprocess.TimeoutExpired:
                    code = None
                end_session(process)
                with self.lock:
                    del self.active[process.pid]
            step.text = log.read_text(errors="replace")
            self.judge(step, code, limit)
        except OSError as error:
            step.result, step.note = "failed", str(error)
        step.seconds = time.monotonic() - begin
        if step.is_failed or self.options.keep_logs:
            self.keep_log(step)
        shutil.rmtree(folder, ignore_errors=True)

    def keep_log(self, step: Step) -> None:
        """All in one file, written at once: whoever ends this program in the middle still has it."""
        text = step.text if len(step.text) < 60_000 else step.text[:20_000] + "\n[...]\n" + step.text[-40_000:]
        with self.lock, open(self.failed_log, "a") as file:
            environment = " ".join(f"{key}={value}" for key, value in step.environment.items())
            file.write(f"{'=' * 100}\n{row_of(step)}\n{environment} {' '.join(step.command)}\n\n{text}\n")

    def judge(self, step: Step, code, limit: float) -> None:
        cases = re.findall(r"\[  (PASSED|SKIPPED|FAILED)\s*\] (\d+) test", step.text)
        counts = {what: int(number) for what, number in cases}
        notes = [f"{counts[what]} {what.lower()}" for what in ("PASSED", "SKIPPED", "FAILED") if counts.get(what)]
        if code is None:
            step.result = "time-out"
            notes.insert(0, f"after {limit:.0f} s")
        elif code == 77 or (code == 0 and cases and not counts.get("PASSED")):
            step.result = "skipped"
        elif code != 0:
            step.result = "failed"
            notes.insert(0, f"signal {-code}" if code < 0 else f"code {code}")
            notes += first_failures(step.text)
        else:
            wrong = step.check(step.text) if step.check else ""
            step.result = "failed" if wrong else "passed"
            notes += [wrong] if wrong else []
            if step.part == "tests" and not step.used_device:
                notes.append("the CUDA module was not opened")
                # Then a test of arrays or k-means says nothing about the card.
                if not wrong and step.kind == "spmd":
                    step.result = "skipped"
        step.note = ", ".join(notes)

    def skip(self, step: Step) -> None:
        """Takes a step that is not run."""
        self.steps.append(step)
        print(row_of(step), flush=True)

    def run_all(self, steps: list, slots: int) -> None:
        """Runs steps side by side, each on as many slots as it has ranks; the first come first."""
        self.steps += steps
        waiting = list(steps)
        done = queue.Queue()
        free, running = slots, 0

        def work(step):
            try:
                self.run(step)
            except Exception as error:  # a defect here must not stop the rest
                step.result, step.note = "failed", f"{type(error).__name__}: {error}"
            done.put(step)

        while waiting or running:
            for step in list(waiting):
                needed = min(step.slots, slots)
                if needed <= free:
                    waiting.remove(step)
                    free -= needed
                    running += 1
                    threading.Thread(target=work, args=(step,), daemon=True).start()
            step = done.get()
            running -= 1
            free += min(step.slots, slots)
            print(row_of(step), flush=True)
            self.save(self)


def sessions() -> dict:
    """The processes of this machine by session."""
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                found.setdefault(os.getsid(int(name)), []).append(int(name))
            except OSError:
                pass
    return found


def has_module(process: int) -> bool:
    try:
        with open(f"/proc/{process}/maps") as file:
            return "libserried_cuda" in file.read()
    except OSError:
        return False


def end_session(process: subprocess.Popen) -> None:
    """Ends what a step has left: the launcher first, so that it ends its ranks; then every process of its session."""
    for sign, seconds in ((signal.SIGTERM, 3.0), (signal.SIGKILL, 5.0)):
        end = time.monotonic() + seconds
        targets = sessions().get(process.pid, [])
        for target in targets if sign == signal.SIGKILL else [process.pid]:
            if process.poll() is None or target != process.pid:
                try:
                    os.kill(target, sign)
                except OSError:
                    pass
        while time.monotonic() < end:
            process.poll()
            if not [p for p in sessions().get(process.pid, []) if not is_zombie(p)]:
                break
            if process.returncode is not None and sign == signal.SIGTERM:
                break
            time.sleep(0.05)
    process.poll()


def is_zombie(process: int) -> bool:
    try:
        return pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (OSError, IndexError):
        return True


def first_failures(text: str) -> list:
    """What a table can say about a failure: what a sanitizer found, the cases, or a line that speaks of an error."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    found = [line for line in lines if re.match(r"=+ .*(Invalid|hazard|Race|Misaligned|Program hit|barrier)", line)]
    found = [line.strip("= ")[:100] for line in found if "0 hazards" not in line][:1]
    names = list(dict.fromkeys(re.findall(r"^\[  FAILED  \] ([\w/]+\.[\w/]+)", text, re.MULTILINE)))[:3]
    if found or names:
        return found + names
    told = r"CUDA_ERROR|cudaError|error|cannot|not found|terminate|Error"
    return [([line for line in lines if re.search(told, line)] or lines or [""])[0][:160]]


def row_of(step: Step) -> str:
    ranks = str(step.ranks) if step.ranks else "-"
    used = {True: "yes", False: "no", None: "-"}[step.used_device]
    text = f"{step.part:<9} {step.name:<34} {ranks:>2} {step.way:<9} {step.result:<8} {step.seconds:7.1f} {used:>4}"
    return f"{text}  {step.note[:110]}".rstrip()
