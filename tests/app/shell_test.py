"""What the shell sees: completion, manual pages, colours, and what was probably meant."""

import os
import pty
import re
import shutil
import subprocess
import time
import unittest

from support import SERRIED, CommandTest, main, run

VERBS = ["info", "stats", "histogram", "reduce", "eval", "slice", "take", "sort", "unique", "kmeans", "glm", "linear",
        "softmax", "predict"]
SEEDS = os.path.join(os.path.dirname(__file__), "..", "..", "fuzz", "seeds", "hdf5")
BIN = os.path.dirname(SERRIED)


def options_in_help(verb):
    text = run(verb, "--help").stdout
    return set(re.findall(r"^ +(?:-[a-z],)?(--[a-z0-9-]+)", text, re.M))


def text_of(*arguments):
    done = run(*arguments)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", done.stderr
    return done.stdout


class Completion(CommandTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for shell in ("bash", "zsh"):
            with open(os.path.join(cls.folder, shell), "w", encoding="utf-8") as out:
                out.write(text_of("completion", shell))
        shutil.copy(os.path.join(SEEDS, "scales.h5"), os.path.join(cls.folder, "run.h5"))
        shutil.copy(os.path.join(SEEDS, "scales.h5"), os.path.join(cls.folder, "a b.h5"))
        os.mkdir(os.path.join(cls.folder, "results"))
        with open(os.path.join(cls.folder, "note.txt"), "w", encoding="utf-8"):
            pass
        listing = text_of("info", os.path.join(cls.folder, "run.h5"), "--json")
        cls.objects = sorted(set(re.findall(r'"path":"(/[^"/]+)"', listing)))
        assert cls.objects

    def bash(self, line, breaks=" \t\n\"'><=;|&(:"):
        """What bash is offered for a line with the cursor at its end."""
        script = ('source ./bash || exit 1; COMP_WORDBREAKS=$1 COMP_LINE=$2 COMP_POINT=${#2}; _serried; '
                  'printf "%s\\n" "${COMPREPLY[@]}"')
        done = subprocess.run(["bash", "-uc", script, "bash", breaks, line], capture_output=True, text=True,
                              cwd=self.folder, timeout=30, env={**os.environ, "PATH": BIN + ":" + os.environ["PATH"]})
        self.assertEqual((done.returncode, done.stderr), (0, ""), line)
        return sorted(word for word in done.stdout.splitlines() if word)

    def test_bash_completes_verbs(self):
        self.assertEqual(self.bash("serried "), sorted(VERBS))
        self.assertEqual(self.bash("serried k"), ["kmeans"])
        self.assertEqual(self.bash("serried --threads 2 --json s"), ["slice", "softmax", "sort", "stats"])
        self.assertEqual(self.bash("serried x"), [])

    def test_bash_completes_the_options_that_help_tells(self):
        for verb in VERBS:
            offered = {word for word in self.bash(f"serried {verb} --") if "=" not in word}
            self.assertEqual(offered, options_in_help(verb))
            self.assertGreater(len(offered), 8)
        self.assertIn("--untrusted=full", self.bash("serried stats --un"))
        self.assertEqual(self.bash("serried stats run.h5 --by"), ["--by-column"])
        self.assertIn("--version", self.bash("serried --"))

    def test_bash_completes_values(self):
        self.assertEqual(self.bash("serried stats --device "), ["auto", "cuda", "host"])
        self.assertEqual(self.bash("serried stats --device=c"), ["cuda"])
        self.assertEqual(self.bash("serried stats --device=c", breaks=" \t\n"), ["--device=cuda"])
        self.assertEqual(self.bash("serried kmeans x --missing d"), ["drop"])
        self.assertEqual(self.bash("serried stats x --untrusted="), ["full"])
        self.assertEqual(self.bash("serried kmeans x --init kmeans"), ["kmeans++", "kmeans-parallel"])
        self.assertEqual(self.bash("serried kmeans x --seed "), [])
        self.assertEqual(self.bash("serried kmeans x --model no"), ["note.txt"])

    def test_bash_completes_files_and_objects(self):
        self.assertEqual(self.bash("serried stats ru"), ["run.h5"])
        self.assertEqual(self.bash("serried predict no"), ["note.txt"])
        self.assertEqual(self.bash("serried stats res"), ["results"])
        self.assertEqual(self.bash("serried stats run.h5:"), self.objects)
        first = self.objects[0]
        self.assertIn(first, self.bash(f"serried stats --json run.h5:{first[:2]}"))
        self.assertIn("run.h5:" + first, self.bash(f"serried stats run.h5:{first[:2]}", breaks=" \t\n"))
        self.assertIn("run.h5:" + first, self.bash(f"serried stats 'run.h5:{first[:2]}"))
        self.assertIn(first, self.bash(f"serried stats a\\ b.h5:{first[:2]}"))
        self.assertIn(first, self.bash(f"serried kmeans run.h5:{first} run.h5:{first[:2]}"))
        self.assertIn(first, self.bash(f"serried kmeans x --weights run.h5:{first[:2]}"))
        self.assertEqual(self.bash("serried predict note.txt run.h5:"), self.objects)
        self.assertEqual(self.bash("serried stats run.h5:/nothing"), [])
        self.assertEqual(self.bash("serried stats none.h5:/"), [])

    def test_bash_completes_operands(self):
        first = self.objects[0]
        self.assertEqual(self.bash("serried reduce "), [])
        self.assertEqual(self.bash("serried reduce 'mean(x)' x"), [])
        self.assertEqual(self.bash("serried reduce 'mean(x)' x=ru"), ["run.h5"])
        self.assertEqual(self.bash("serried reduce 'mean(x)' x=ru", breaks=" \t\n"), ["x=run.h5"])
        self.assertEqual(self.bash("serried reduce 'mean(x)' x=run.h5:"), self.objects)
        self.assertIn(f"x=run.h5:{first}", self.bash(f"serried reduce 'mean(x)' x=run.h5:{first[:2]}", breaks=" \t\n"))
        self.assertIn(f"x=run.h5:{first}", self.bash(f"serried eval 'x + y' 'x=run.h5:{first[:2]}"))
        self.assertIn(f"run.h5:{first}", self.bash(f"serried eval 'x + y' x='run.h5:{first[:2]}"))
        self.assertIn(first, self.bash(f"serried eval 'x + y' x=run.h5:{first} y=run.h5:{first[:2]}"))
        self.assertEqual(self.bash("serried eval x x=run.h5 -o no"), ["note.txt"])

    def test_groups_are_entered_step_by_step(self):
        path = self.path("groups.h5")
        done = subprocess.run([os.path.join(BIN, "gray_scott"), "--size", "16", "--steps", "1", "--every", "1",
                               "--output", path], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        path = next(self.path(name) for name in os.listdir(self.folder) if re.fullmatch(r"groups_0*1\.h5", name))
        self.assertIn("/fields/", text_of("completion", "objects", path + ":").splitlines())
        self.assertEqual(text_of("completion", "objects", path + ":/fie"), "/fields/\n")
        inside = text_of("completion", "objects", path + ":/fields/").splitlines()
        self.assertLessEqual({"/fields/u", "/fields/v"}, set(inside))
        self.assertEqual(text_of("completion", "objects", path + ":/fields/u"), "/fields/u\n")
        self.assertEqual(self.bash(f"serried stats {path}:/fie"), ["/fields/"])

    def test_damaged_files_offer_nothing_and_do_not_hang(self):
        broken = {"OMPI_MCA_pml": "no_such_layer", "PMI_FD": "99"}  # MPI would not start
        for name in ("endless_heap.h5", "tree_of_itself.h5"):
            start = time.monotonic()
            done = run("completion", "objects", os.path.join(SEEDS, name) + ":/", env=broken)
            self.assertEqual((done.returncode, done.stderr), (0, ""), name)
            self.assertLess(time.monotonic() - start, 10)
        done = run("completion", "objects", self.path("run.h5") + ":/", env=broken)
        self.assertEqual(done.stdout.splitlines(), self.objects)
        self.assertEqual(run("completion", "objects", self.path("note.txt") + ":/").stdout, "")

    def test_zsh_script_is_well_formed(self):
        if not shutil.which("zsh"):
            self.skipTest("zsh is not there")
        self.assertEqual(subprocess.run(["zsh", "-n", self.path("zsh")], timeout=30).returncode, 0)

    def zsh(self, line):
        """What an interactive zsh makes of a line and a tab, in a terminal of zpty."""
        script = r"""
zmodload zsh/zpty
zpty shell 'zsh -f -i'
zpty -w shell 'PS1= PROMPT_EOL_MARK= ; unsetopt zle_bracketed_paste; LISTMAX=1000; stty -echo; cd "$FOLDER"; fpath=(. $fpath)'
zpty -w shell 'autoload -Uz compinit; compinit -u -D; source ./zsh >/dev/null 2>&1; compdef _serried serried'
zpty -w shell 'zstyle ":completion:*" list-prompt ""; setopt no_auto_menu no_list_ambiguous; print READY'
while zpty -r shell out && [[ $out != READY* ]]; do :; done
zpty -n -w shell "$LINE"$'\t'
zpty -n -w shell $'\t'
all= quiet=0
while ((quiet < 15)); do
  if zpty -r -t shell out; then all+=$out quiet=0; else sleep 0.1; ((quiet++)); fi
done
print -r -- "$all"
zpty -d shell
"""
        done = subprocess.run(["zsh", "-f", "-c", script], capture_output=True, text=True, cwd=self.folder, timeout=60,
                              env={**os.environ, "PATH": BIN + ":" + os.environ["PATH"], "FOLDER": self.folder,
                                   "LINE": line, "TERM": "vt100", "COLUMNS": "200"})
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", done.stdout)

    def test_zsh_completes(self):
        if not shutil.which("zsh"):
            self.skipTest("zsh is not there")
        text = self.zsh("serried ")
        for verb in VERBS:
            self.assertIn(verb, text)
        self.assertIn("kmeans", self.zsh("serried km"))
        self.assertIn("--by-column", self.zsh("serried stats --by"))
        self.assertIn("cuda", self.zsh("serried stats --device c"))
        self.assertIn("note.txt", self.zsh("serried predict no"))
        self.assertIn("run.h5", self.zsh("serried reduce 'mean(x)' x=ru"))
        text = self.zsh("serried reduce 'mean(x)' x=run.h5:/")
        for name in self.objects:
            self.assertIn(name, text)
        text = self.zsh("serried stats run.h5:/")
        for name in self.objects:
            self.assertIn(name, text)

    def test_wrong_usage(self):
        for arguments in (["completion"], ["completion", "fish"], ["completion", "objects"], ["manual", "nothing"],
                          ["manual", "stats", "info"]):
            done = run(*arguments)
            self.assertEqual((done.returncode, done.stdout), (2, ""), arguments)
            self.assertEqual(done.stderr.count("serried: "), 0 if done.stderr == "" else 1, done.stderr)


class Manual(CommandTest):
    def test_pages_are_well_formed_and_say_what_help_says(self):
        if not shutil.which("man"):
            self.skipTest("man is not there")
        for verb in [""] + VERBS:
            page = self.path(f"serried-{verb}.1")
            with open(page, "w", encoding="utf-8") as out:
                out.write(text_of("manual", *([verb] if verb else [])))
            done = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", page], capture_output=True,
                                  timeout=60)
            self.assertEqual((done.returncode, done.stderr), (0, b""), verb)
            shown = subprocess.run(["man", "-l", "-Tutf8", page], capture_output=True, text=True, timeout=60,
                                   env={**os.environ, "MANWIDTH": "100", "LC_ALL": "C.UTF-8", "MAN_KEEP_FORMATTING": ""})
            text = re.sub(r".\x08|\x1b\[[0-9;]*m", "", shown.stdout)
            for option in options_in_help(verb) if verb else ["--version", "--device"]:
                self.assertIn(option, text)
            for heading in ("NAME", "SYNOPSIS", "OPTIONS", "EXAMPLE", "SEE ALSO"):
                self.assertRegex(text, rf"(?m)^{heading}$")
            words = text.split()
            example = run(*([verb] if verb else []), "--help").stdout.split("Example:\n")[1].split()
            self.assertIn(" ".join(example), " ".join(words))

    def test_overview_names_all_verbs(self):
        text = text_of("manual")
        for verb in VERBS:
            self.assertIn(f"serried\\-{verb}", text)
            self.assertIn(f".TH SERRIED\\-{verb.upper()} 1", text_of("manual", verb))


def on_a_terminal(*arguments, **environment):
    """Standard error of the command, which is a terminal."""
    parent, child = pty.openpty()
    clean = {name: value for name, value in os.environ.items()
             if name not in ("NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "TERM")}
    process = subprocess.Popen([SERRIED, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=child,
                               env={**clean, **environment})
    os.close(child)
    text = b""
    while True:
        try:
            part = os.read(parent, 4096)
        except OSError:
            break
        if not part:
            break
        text += part
    os.close(parent)
    process.wait(timeout=60)
    return text.decode()


class Colors(CommandTest):
    WRONG = ("stats", "a.h5", "--bins", "0")

    def test_colors_on_a_terminal_that_can(self):
        self.assertIn("\x1b[1;31mserried:\x1b[0m --bins 0", on_a_terminal(*self.WRONG, TERM="xterm"))
        self.assertIn("\x1b[1;31mserried:\x1b[0m --bins 0", on_a_terminal(*self.WRONG, TERM="xterm", NO_COLOR=""))

    def test_no_colors_where_none_are_wanted(self):
        for environment in ({"TERM": "xterm", "NO_COLOR": "1"}, {"TERM": "xterm", "CLICOLOR": "0"}, {"TERM": "dumb"}, {},
                            {"TERM": "xterm", "NO_COLOR": "1", "CLICOLOR_FORCE": "1"}):
            text = on_a_terminal(*self.WRONG, **environment)
            self.assertIn("serried: --bins 0", text)
            self.assertNotIn("\x1b", text, environment)

    def test_no_colors_in_files_unless_forced(self):
        self.assertNotIn("\x1b", run(*self.WRONG, env={"TERM": "xterm"}).stderr)
        self.assertIn("\x1b[1;31m", run(*self.WRONG, env={"TERM": "xterm", "CLICOLOR_FORCE": "1"}).stderr)
        self.assertNotIn("\x1b", run("--help", env={"TERM": "xterm", "CLICOLOR_FORCE": "1"}).stdout)

    def test_progress_on_a_terminal(self):
        arguments = ("stats", os.path.join(SEEDS, "scales.h5"), "--progress")
        colored = on_a_terminal(*arguments, TERM="xterm")
        plain = on_a_terminal(*arguments, TERM="xterm", NO_COLOR="1")
        dumb = on_a_terminal(*arguments, TERM="dumb")
        self.assertNotIn("\x1b[2m", plain)
        self.assertNotIn("\x1b", dumb)
        if "\r" in colored:
            self.assertIn("\x1b[2m", colored)


class Suggestions(CommandTest):
    def test_verbs(self):
        for word, meant in (("stat", "stats"), ("predcit", "predict"), ("k-means", "kmeans"), ("inof", "info"),
                            ("redcue", "reduce"), ("evla", "eval")):
            done = run(word)
            self.assertEqual(done.returncode, 2)
            self.assertIn(f"did you mean {meant}?", done.stderr)
        for word in ("cluster", "x", "statistics-of-all"):
            self.assertNotIn("did you mean", run(word).stderr)

    def test_options(self):
        for arguments, meant in ((["stats", "a.h5", "--bin", "3"], "--bins"), (["stats", "a.h5", "--rnage=0,1"], "--range"),
                                 (["kmeans", "a.h5", "--cluster", "3"], "--clusters"), (["info", "--jsno"], "--json"),
                                 (["--devcie", "host", "info"], "--device")):
            done = run(*arguments)
            self.assertEqual(done.returncode, 2)
            self.assertIn(f"did you mean {meant}?", done.stderr)
        for arguments in (["stats", "a.h5", "--colour"], ["stats", "a.h5", "--model", "x"]):
            done = run(*arguments)
            self.assertEqual(done.returncode, 2)
            self.assertNotIn("did you mean", done.stderr)


if __name__ == "__main__":
    main()
