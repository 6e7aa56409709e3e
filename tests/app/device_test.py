"""The command on a GPU (an emulated one): the host's answers up to rounding, the
same bits at any number of ranks, data that the card cannot hold, and what goes wrong."""

import os

from support import CommandTest, main, need_oracles, run, run_json, without_seconds

need_oracles()
import h5py
import numpy as np

GPU = {"SERRIED_CUDA_MODULE": os.environ.get("SERRIED_EMULATED_MODULE", "")}
RANKS = (1, 2, 3, 7)


def close(found, expected, path="", tolerance=1e-11):
    """Where two answers differ by more than rounding; integers and texts must be equal."""
    if isinstance(expected, dict):
        return [d for key in expected for d in close(found[key], expected[key], f"{path}.{key}", tolerance)]
    if isinstance(expected, list):
        if len(found) != len(expected):
            return [f"{path}: {len(found)} entries, not {len(expected)}"]
        return [d for i, (a, b) in enumerate(zip(found, expected)) for d in close(a, b, f"{path}[{i}]", tolerance)]
    if isinstance(expected, float) and isinstance(found, (float, int)):
        if abs(found - expected) <= tolerance * max(abs(expected), 1e-3):
            return []
    return [] if found == expected else [f"{path}: {found}, not {expected}"]


class Device(CommandTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        rng = np.random.default_rng(5)
        data = rng.normal(size=(20011, 5)) + 4 * rng.integers(0, 3, size=(20011, 1))
        holes = data.copy()
        holes[rng.integers(0, 20011, 300), rng.integers(0, 5, 300)] = np.nan
        with h5py.File(os.path.join(cls.folder, "run.h5"), "w") as f:
            f["x"] = data
            f["x32"] = data.astype("f4")
            f["holes"] = holes
            f["whole"] = rng.integers(-300, 300, size=(5000, 7)).astype("i2")
            f["half"] = data[:4000].astype("f2")
            f["weights"] = rng.integers(0, 5, 20011) * 0.37
            f["series"] = rng.normal(size=(30, 20, 25))
            f["far"] = 1e6 + rng.normal(size=(3000, 3))
            f["one"] = data[:1]
            f.create_dataset("wide", data=rng.normal(size=(100000, 32)).astype("f4") + rng.integers(0, 9, (100000, 1)))

    def compare(self, *arguments, labels=False, env=None, tolerance=1e-11):
        """The host's answer; that of the card at each number of ranks has the same bits and is near it."""
        answers = []
        for device, ranks in [("host", 1)] + [("cuda", n) for n in RANKS]:
            extra = ["--labels", self.path("labels.h5")] if labels else []
            settings = GPU | (env or {}) if device == "cuda" else {}
            answer = without_seconds(
                run_json(*arguments, *extra, "--device", device, "--share-gpu", ranks=ranks, env=settings))
            if labels:
                with h5py.File(extra[1]) as f:
                    answer["labels"] = f["labels"][...].tolist()
                os.remove(extra[1])
            answers.append(answer)
        host, card = answers[0], answers[1]
        for ranks, answer in zip(RANKS, answers[1:]):
            self.assertEqual(answer, card, f"{arguments} at {ranks} ranks")
        self.assertEqual(close(card, host, tolerance=tolerance), [], arguments)
        return card

    def test_stats(self):
        names = ("x", "x32", "holes", "whole", "half", "series", "far", "one")
        self.compare("stats", *(self.path("run.h5:/" + name) for name in names), "--bins", 8)
        self.compare("stats", self.path("run.h5:/x32"), "--by-column", "--bins", 5)
        self.compare("stats", self.path("run.h5:/x[::3, 1:4]"))

    def test_kmeans(self):
        path = self.path("run.h5:/")
        for options in (["x"], ["x32"], ["whole"], ["half"], ["far"], ["holes", "--missing", "drop"],
                        ["x", "--weights", path + "weights"], ["x32", "--init", "kmeans++"], ["x", "--init", "random"],
                        ["x", "--n-init", 3, "--max-iterations", 4], ["series", "--sample-axes", "1,2"]):
            self.compare("kmeans", path + options[0], "--clusters", 5, "--seed", 4, *options[1:], labels=True)

    def test_empty_clusters_take_far_rows(self):
        with h5py.File(self.path("few.h5"), "w") as f:
            f["x"] = np.repeat(np.arange(4.0), 50)[:, None]
            f["centres"] = np.array([[0.0], [1.0], [100.0], [200.0]])
        self.compare("kmeans", self.path("few.h5:/x"), "--init", self.path("few.h5:/centres"), labels=True)

    def test_predict(self):
        model = self.path("model.h5")
        self.assertEqual(run("kmeans", self.path("run.h5:/x"), "--clusters", 6, "--model", model).returncode, 0)
        for name in ("x", "x32"):
            self.compare("predict", model, self.path("run.h5:/" + name), labels=True)
        self.compare("predict", model, self.path("run.h5:/holes"), "--missing", "drop", labels=True)

    def test_data_that_the_card_cannot_hold(self):
        """13 MB of rows on a card with 8 MB beyond what is kept for the kernels."""
        arguments = ["kmeans", self.path("run.h5:/wide"), "--clusters", 9, "--seed", 1, "--max-iterations", 5]
        held = self.compare(*arguments, labels=True)
        for ranks, mebibytes in ((1, 520), (2, 1040)):
            done = run(*arguments, "--device", "cuda", "--share-gpu", "--json", "--report", "-", "--labels",
                       self.path("l.h5"), ranks=ranks,
                       env=GPU | {"SERRIED_EMULATION_MEMORY": str(mebibytes << 20)})
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("all rows are copied to it in each pass", done.stderr)
            with h5py.File(self.path("l.h5")) as f:
                self.assertEqual(f["labels"][...].tolist(), held["labels"])
            os.remove(self.path("l.h5"))

    def test_little_room_on_the_card(self):
        """Batches and the number of fits side by side follow what is free."""
        small = {"SERRIED_EMULATION_MEMORY": str(40 << 20)}
        self.compare("stats", self.path("run.h5:/wide"), env=small)
        self.compare("kmeans", self.path("run.h5:/x"), "--clusters", 3, "--n-init", 60, "--max-iterations", 1,
                     "--init", "random", env={"SERRIED_EMULATION_MEMORY": str(24 << 20)})

    def test_out_of_memory_is_one_error(self):
        for ranks in (1, 3):
            done = run("kmeans", self.path("run.h5:/wide"), "--clusters", 9, "--device", "cuda", "--share-gpu",
                       "--labels", self.path("none.h5"), ranks=ranks, env=GPU | {"SERRIED_EMULATION_MEMORY": "300000"})
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertEqual(done.stderr.count("out of memory on Emulated GPU"), 1, done.stderr)
            self.assertFalse(os.path.exists(self.path("none.h5")))

    def test_work_that_stays_on_the_host_says_so(self):
        for options, what in ((["--clusters", "2:4"], "scores of a range"),
                              (["--clusters", 3, "--batch", 500], "mini-batches")):
            done = run("kmeans", self.path("run.h5:/x"), *options, "--device", "cuda", "--report", "-", env=GPU)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(f"k-means ran on: the host: {what} have no kernels on the device", done.stderr)

    def test_choice(self):
        done = run("info", "--device", "cuda", env=GPU)
        self.assertEqual(done.returncode, 0, done.stderr)
        for text in ("CUDA driver", "sm_", "has a GPU"):
            self.assertIn(text, done.stdout)
        too_many = run("info", "--device", "cuda", ranks=2, env=GPU | {"SERRIED_EMULATION_DEVICES": "1"})
        self.assertEqual(too_many.returncode, 2)
        self.assertEqual(too_many.stderr.count("--share-gpu"), 1, too_many.stderr)
        falls_back = run("info", ranks=2, env=GPU | {"SERRIED_EMULATION_DEVICES": "1"})
        self.assertEqual(falls_back.returncode, 0)
        self.assertIn("warning: computing on the host", falls_back.stderr)
        absent = run("stats", self.path("run.h5:/x"), "--device", "cuda",
                     env={"SERRIED_CUDA_MODULE": "/no/such/module.so"})
        self.assertEqual(absent.returncode, 1)
        self.assertEqual(len(absent.stderr.strip().splitlines()), 1, absent.stderr)


if __name__ == "__main__":
    if not os.path.exists(GPU["SERRIED_CUDA_MODULE"]):
        print("skipped: there is no emulated GPU")
        raise SystemExit(77)
    main()
