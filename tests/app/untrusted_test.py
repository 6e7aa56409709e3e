"""Files from elsewhere, with --untrusted: whatever is wrong with them, serried ends with a result or with one message
that names the file, never by a signal and never late. SERRIED_TEST_VARIANTS says how many damaged files are tried,
SERRIED_TEST_SEED which ones; SERRIED_TEST_KEEP keeps those that break the rule."""

import glob
import os
import random
import shutil
import stat
import struct
import subprocess
import time

from support import DATA, CommandTest, main, need_oracles, run

need_oracles()
import h5py
import numpy as np

VARIANTS = int(os.environ.get("SERRIED_TEST_VARIANTS", "60"))
SEED = int(os.environ.get("SERRIED_TEST_SEED", "1"))
KEEP = os.environ.get("SERRIED_TEST_KEEP", "")
# The marks of what HDF5 files are made of.
MARKS = [b"TREE", b"SNOD", b"HEAP", b"GCOL", b"OHDR", b"OCHK", b"BTHD", b"BTLF", b"BTIN", b"FRHP", b"FHDB", b"FHIB",
         b"FAHD", b"FADB", b"EAHD", b"EAIB", b"EADB", b"\x89HDF"]


def write_old(path):
    """Structures of HDF5 1.8 and before: symbol tables, local heaps, B-trees of version 1."""
    rng = np.random.default_rng(1)
    with h5py.File(path, "w") as f:
        f["u"] = rng.normal(size=(500, 3))
        f.create_dataset("packed", data=rng.normal(size=(500, 3)), chunks=(50, 3), compression=4, shuffle=True,
                         fletcher32=True)
        f.create_dataset("rounded", data=rng.integers(0, 1000, size=(500, 2)), chunks=(100, 2), scaleoffset=0)
        f["u"].attrs["units"] = "m/s"
        f["u"].attrs.create("names", ["a", "bb", "ccc"], dtype=h5py.string_dtype())
        f["packed"].attrs["scale_factor"] = 2.0
        f["time"] = np.arange(500.0)
        f["time"].make_scale("time")
        f["u"].dims[0].attach_scale(f["time"])
        for i in range(20):
            f.create_group(f"group_{i}/inner")
        f["group_0/link"] = h5py.SoftLink("/u")
        f["group_0/same"] = f["u"]


def write_new(path):
    """Structures of HDF5 1.10: B-trees of version 2, fractal heaps, fixed and extensible arrays."""
    rng = np.random.default_rng(2)
    with h5py.File(path, "w", libver=("v110", "v110")) as f:
        f["u"] = rng.normal(size=(500, 3))
        f.create_dataset("packed", data=rng.normal(size=(500, 3)), chunks=(10, 3), compression=1)
        f.create_dataset("growing", data=np.arange(500.0), chunks=(20,), maxshape=(None,))
        f.create_dataset("growing_both", data=rng.normal(size=(40, 40)), chunks=(8, 8), maxshape=(None, None))
        for i in range(30):
            f["u"].attrs[f"attribute_{i}"] = np.arange(i + 1)
        for i in range(30):
            f.create_group(f"group_{i}")


def damage(content, rng):
    """A copy with a few bytes changed, most of them where structures are."""
    data = bytearray(content)
    places = []
    for mark in MARKS:
        at = data.find(mark)
        while at >= 0:
            places.append(at)
            at = data.find(mark, at + 1)
    for _ in range(rng.choice([1, 1, 2, 4, 16])):
        where = rng.random()
        if where < 0.6 and places:
            at = rng.choice(places) + rng.randrange(4, 120)
        elif where < 0.8:
            at = rng.randrange(min(len(data), 2048))
        else:
            at = rng.randrange(len(data))
        if at >= len(data):
            continue
        kind = rng.randrange(5)
        if kind == 0:
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            data[at] = rng.choice([0, 1, 0x7F, 0x80, 0xFF])
        elif kind == 2:
            data[at] = rng.randrange(256)
        elif kind == 3 and places:  # an address that leads to another structure
            at -= at % 8
            data[at : at + 8] = struct.pack("<Q", rng.choice(places))[: len(data) - at]
        else:
            source = rng.randrange(len(data))
            block = data[source : source + 32]
            data[at : at + len(block)] = block
    return bytes(data[: len(content)])


class Untrusted(CommandTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        write_old(os.path.join(cls.folder, "old.h5"))
        write_new(os.path.join(cls.folder, "new.h5"))
        done = run("kmeans", "old.h5:/u", "--clusters", 2, "--model", "model.h5", cwd=cls.folder)
        assert done.returncode == 0, done.stderr
        done = run("kmeans", "old.h5:/u", "--clusters", 2, "--checkpoint", "checkpoint.h5", "--every", 1, "--tolerance", 0,
                   cwd=cls.folder)
        assert done.returncode == 0, done.stderr
        for name in ("old", "new", "model", "checkpoint"):
            shutil.copy(os.path.join(cls.folder, name + ".h5"), os.path.join(cls.folder, name + "_real.h5"))
        real = [path for pattern in ("*/*.h5", "*/*.nc", "*/*/*.h5") for path in glob.glob(os.path.join(DATA, pattern))
                if DATA and os.path.getsize(path) < 4 << 20]
        for i, path in enumerate(sorted(real)):
            shutil.copy(path, os.path.join(cls.folder, f"given_{i}_real.h5"))
        cls.real = [name for name in sorted(os.listdir(cls.folder)) if name.endswith("_real.h5")]

    def verbs_of(self, real, name):
        """What is done with a damaged copy of a file."""
        if real.startswith("model"):
            return [["predict", name, "old.h5:/u"], ["info", name]]
        if real.startswith("checkpoint"):
            return [["kmeans", "old.h5:/u", "--clusters", 2, "--tolerance", 0, "--resume", name]]
        with h5py.File(self.path(real)) as f:
            data = []
            f.visititems(lambda path, item: data.append(path) if isinstance(item, h5py.Dataset) and
                         item.dtype.kind in "fiu" and item.ndim > 0 else None)
        verbs = [["info", name]]
        for path in data[:6]:
            verbs.append(["stats", f"{name}:/{path}"])
            verbs.append(["kmeans", f"{name}:/{path}", "--clusters", 2, "--max-iterations", 2, "--missing", "drop"])
        return verbs

    def outcome(self, name, *arguments, codes=(0, 2, 3, 4), limit_s=58, **options):
        """Runs, and finds a result or one message about the file."""
        begin = time.monotonic()
        try:
            done = run(*arguments, cwd=self.folder, **options)
        except subprocess.TimeoutExpired:
            self.keep(name)
            self.fail(f"{arguments}: no end")
        if done.returncode not in codes:
            self.keep(name)
        self.assertIn(done.returncode, codes, f"{arguments}: {done.stderr}")
        self.assertLess(time.monotonic() - begin, limit_s, arguments)
        if done.returncode != 0:
            self.assertEqual(done.stderr.count("serried: "), 1, f"{arguments}: {done.stderr}")
            if "--memory" not in done.stderr:
                self.assertIn(name, done.stderr, arguments)
        return done

    def keep(self, name):
        if KEEP:
            shutil.copy(self.path(name), os.path.join(KEEP, f"{SEED}_{name}"))

    def test_damaged_files(self):
        codes = {}
        crashed = late = 0
        for variant in range(VARIANTS):
            rng = random.Random(SEED * 1000003 + variant)
            real = self.real[variant % len(self.real)]
            name = f"damaged_{variant}.h5"
            with open(self.path(real), "rb") as f:
                content = damage(f.read(), rng)
            with open(self.path(name), "wb") as f:
                f.write(content)
            verb = rng.choice(self.verbs_of(real, name))
            # samples of the values say nothing about the chunks between them
            depth = rng.choice(["--untrusted", "--untrusted=full"]) if verb[0] == "info" else "--untrusted=full"
            with self.subTest(variant=variant, real=real, verb=verb):
                done = self.outcome(name, *verb, depth, "--memory", "500M")
                codes[done.returncode] = codes.get(done.returncode, 0) + 1
                crashed += "crashed with signal" in done.stderr
                late += "took longer" in done.stderr
            os.remove(self.path(name))
        print(f"{VARIANTS} damaged files: exit codes {codes}; {crashed} crashed the other process, {late} were late")
        self.assertGreater(codes.get(4, 0), 0)

    def test_good_files_give_the_same_answer(self):
        for verb in (["info", "old.h5"], ["stats", "old.h5:/packed", "new.h5:/growing"], ["stats", "*_real.h5:/u"],
                     ["kmeans", "old.h5:/u", "--clusters", 2], ["predict", "model.h5", "old.h5:/u[:100]"]):
            for ranks in (0, 3):
                plain = run(*verb, "--json", ranks=ranks, cwd=self.folder)
                for depth in ("--untrusted", "--untrusted=full"):
                    guarded = run(*verb, "--json", depth, ranks=ranks, cwd=self.folder)
                    self.assertEqual(guarded.returncode, plain.returncode, guarded.stderr)
                    cut = [done.stdout[: done.stdout.find('"seconds"')] for done in (plain, guarded)]
                    self.assertEqual(cut[0], cut[1])

    def test_ordinary_errors_are_the_same(self):
        with h5py.File(self.path("texts.h5"), "w") as f:
            f["texts"] = np.array([b"abc", b"de"])
        for verb in (["stats", "nowhere.h5"], ["info", "nowhere.h5"], ["stats", "old.h5:/nothing"],
                     ["stats", "texts.h5:/texts"], ["stats", "old.h5:/u[0,0,0]"], ["kmeans", "old.h5:/u", "--clusters",
                     2, "--sample-axes", 7], ["predict", "new.h5", "old.h5:/u"], ["predict", "no.h5", "old.h5:/u"]):
            plain = run(*verb, cwd=self.folder)
            guarded = run(*verb, "--untrusted", cwd=self.folder)
            self.assertEqual((guarded.returncode, guarded.stderr), (plain.returncode, plain.stderr))
            self.assertNotEqual(plain.returncode, 0)

    def test_a_file_that_claims_too_much(self):
        with h5py.File(self.path("huge.h5"), "w") as f:
            f.create_dataset("u", shape=(1 << 30, 1 << 20), dtype="f8", chunks=(1024, 8))
        done = self.outcome("huge.h5", "stats", "huge.h5:/u", "--untrusted", codes=(4,))
        self.assertIn("claim", done.stderr)
        self.outcome("huge.h5", "stats", "huge.h5:/u[:10]", "--untrusted", codes=(0,))

    def test_links_that_lead_in_circles(self):
        with h5py.File(self.path("circles.h5"), "w") as f:
            f["a/b/back"] = f["/"]
            f["self"] = h5py.SoftLink("/self")
            f["outside"] = h5py.ExternalLink("circles.h5", "/outside")
            f["a/u"] = np.arange(10.0)
        self.outcome("circles.h5", "info", "circles.h5", "--untrusted", codes=(0,))
        self.outcome("circles.h5", "stats", "circles.h5", "--untrusted", codes=(0,))
        self.outcome("circles.h5", "stats", "circles.h5:/self", "--untrusted", codes=(4,))
        self.outcome("circles.h5", "stats", "circles.h5:/outside", "--untrusted", codes=(4,))

    def test_groups_in_groups(self):
        with h5py.File(self.path("deep.h5"), "w") as f:
            group = f
            for _ in range(1500):
                group = group.create_group("g")
        self.outcome("deep.h5", "info", "deep.h5", "--untrusted", codes=(4,))

    def test_a_model_with_links(self):
        with h5py.File(self.path("linked.h5"), "w") as f:
            f["centers"] = h5py.ExternalLink("model.h5", "/centers")
            f["sizes"] = h5py.SoftLink("/centers")
        self.outcome("linked.h5", "predict", "linked.h5", "old.h5:/u", "--untrusted", codes=(3,))

    def test_a_pipe_is_no_file(self):
        os.mkfifo(self.path("pipe.h5"))
        for verb in (["info", "pipe.h5"], ["stats", "pipe.h5"], ["predict", "pipe.h5", "old.h5:/u"]):
            for option in ([], ["--untrusted"]):
                done = self.outcome("pipe.h5", *verb, *option, codes=(4,), limit_s=20)
                self.assertIn("regular", done.stderr)

    def test_a_local_heap_without_end(self):
        """A free block of the names' heap that is followed by itself: HDF5 takes memory for each round."""
        with open(self.path("old.h5"), "rb") as f:
            data = bytearray(f.read())
        heap = data.find(b"HEAP")
        segment = struct.unpack_from("<Q", data, heap + 24)[0]
        struct.pack_into("<Q", data, heap + 16, 8)  # the list of free blocks begins at 8
        struct.pack_into("<QQ", data, segment + 8, 8, 16)  # this one is followed by itself
        with open(self.path("heap.h5"), "wb") as f:
            f.write(data)
        done = self.outcome("heap.h5", "info", "heap.h5", "--untrusted", codes=(4,))
        print(done.stderr.strip())

    def test_a_tree_that_is_its_own_child(self):
        with open(self.path("old.h5"), "rb") as f:
            data = bytearray(f.read())
        tree = data.find(b"TREE")
        data[tree + 5] = 1  # a level above the leaves
        struct.pack_into("<Q", data, tree + 32, tree)  # whose first child is itself
        with open(self.path("tree.h5"), "wb") as f:
            f.write(data)
        done = self.outcome("tree.h5", "info", "tree.h5", "--untrusted", codes=(4,))
        print(done.stderr.strip())

    def test_what_becomes_of_the_other_process(self):
        """Another program in its place dies in each way that there is; on any number of ranks the end is the same."""
        for body, code, parts in (("kill -SEGV $$", 4, ["crashed with signal 11 (SIGSEGV)"]),
                                  ("kill -ABRT $$", 4, ["crashed with signal 6 (SIGABRT)"]),
                                  ("kill -KILL $$", 4, ["signal 9", "memory"]),
                                  ("kill -TERM $$", 4, ["from outside", "signal 15"]),
                                  ("echo words >&2; exit 3", 1, ["ended with code 3 without a result", "words"]),
                                  ("exec 3>&-; exit 0", 1, ["without a result"]),
                                  ("printf '\\377\\377\\377garbage' >&3", 1, ["without a result"])):
            program = self.path("program.sh")
            with open(program, "w") as f:
                f.write("#!/bin/sh\n" + body + "\n")
            os.chmod(program, os.stat(program).st_mode | stat.S_IXUSR)
            for ranks in (0, 3):
                with self.subTest(body=body, ranks=ranks):
                    done = run("stats", "old.h5:/u", "--untrusted", ranks=ranks, cwd=self.folder,
                               env={"SERRIED_CHECK_PROGRAM": program})
                    self.assertEqual(done.returncode, code, done.stderr)
                    self.assertEqual(done.stderr.count("serried: "), 1, done.stderr)
                    for part in parts + (["old.h5"] if code == 4 else []):
                        self.assertIn(part, done.stderr)
        done = run("stats", "old.h5:/u", "--untrusted", cwd=self.folder, env={"SERRIED_CHECK_PROGRAM": "/no/where"})
        self.assertEqual(done.returncode, 1)
        self.assertIn("/no/where", done.stderr)


if __name__ == "__main__":
    main()
