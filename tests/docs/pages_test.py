"""The Markdown of the repository: links and anchors lead somewhere, code is a piece of what is built."""

import os
import re
import subprocess
import sys
import tempfile
import unittest

import markdown

LANGUAGES = {"", "sh", "bash", "cpp", "cmake", "make", "text"}
# Where the code of the documents comes from: these folders are built by tests.
BUILT = ("docs/examples", "tests/install")


def built_files(*names):
    """The lines of each file of that ending below BUILT, without indentation and empty lines."""
    found = []
    for folder in BUILT:
        for path, _, files in os.walk(os.path.join(markdown.ROOT, folder)):
            for name in files:
                if name.endswith(names):
                    with open(os.path.join(path, name), encoding="utf-8") as file:
                        found.append([line.strip() for line in file if line.strip()])
    return found


def is_run_of(piece, lines):
    return any(lines[i:i + len(piece)] == piece for i in range(len(lines) - len(piece) + 1))


def is_subsequence_of(piece, lines):
    rest = iter(lines)
    return all(line in rest for line in piece)


class Pages(unittest.TestCase):
    def test_links_and_anchors_are_there(self):
        count = 0
        for page in markdown.pages():
            for line, target in markdown.links(page):
                if re.match(r"[a-z]+:", target):
                    continue
                count += 1
                with self.subTest(f"{page}:{line}: {target}"):
                    path, _, anchor = target.partition("#")
                    file = os.path.normpath(os.path.join(os.path.dirname(page), path)) if path else page
                    self.assertTrue(os.path.exists(os.path.join(markdown.ROOT, file)), f"there is no {file}")
                    if anchor:
                        self.assertIn(anchor, markdown.anchors(file))
        self.assertGreater(count, 40)

    def test_every_page_is_in_the_index(self):
        listed = {target.partition("#")[0] for _, target in markdown.links("docs/index.md")}
        for page in markdown.pages("docs"):
            name = os.path.relpath(page, "docs")
            if name != "index.md":
                self.assertIn(name, listed, "docs/index.md does not lead to it")

    def test_blocks_say_their_language(self):
        for page in markdown.pages("docs") + ["README.md"]:
            for block in markdown.split(page)[0]:
                with self.subTest(f"{page}:{block.line}"):
                    self.assertIn(block.language, LANGUAGES)

    def test_commands_are_in_fenced_blocks(self):
        """Where commands_test.py finds them."""
        command = re.compile(r"(\$ )?(\w+=\S+ )*(serried|gray_scott|mpirun|srun|sbatch|cmake|ctest)\s")
        for page in markdown.pages("docs") + ["README.md"]:
            blocks, outside = markdown.split(page)
            for line, text in outside:
                if text.startswith("    "):
                    self.assertIsNone(command.match(text.strip()), f"{page}:{line}")
            for block in blocks:
                if block.language not in ("sh", "bash"):
                    for line, text in block.lines:
                        self.assertIsNone(command.match(text.strip()), f"{page}:{line}")

    def check_pieces(self, language, files, is_piece):
        count = 0
        for page in markdown.pages("docs") + ["README.md"]:
            for block in markdown.split(page)[0]:
                if block.language != language:
                    continue
                count += 1
                piece = [text.strip() for _, text in block.lines if text.strip()]
                if language != "cpp":
                    piece = [re.sub(r"\s+# .*", "", text) for text in piece]
                with self.subTest(f"{page}:{block.line}"):
                    self.assertTrue(piece)
                    self.assertTrue(any(is_piece(piece, lines) for lines in files),
                                    f"not in a file below {' or '.join(BUILT)}:\n" + "\n".join(piece))
        return count

    def test_cpp_is_a_piece_of_an_example(self):
        self.assertGreater(self.check_pieces("cpp", built_files(".cpp", ".hpp"), is_run_of), 3)

    def test_cmake_and_make_are_taken_from_an_example(self):
        self.assertGreater(self.check_pieces("cmake", built_files("CMakeLists.txt"), is_subsequence_of), 1)
        self.assertGreater(self.check_pieces("make", built_files("Makefile"), is_subsequence_of), 0)

    def test_the_site_has_every_page_and_every_header(self):
        """The sources that scripts/docs.sh gives to Sphinx."""
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([sys.executable, "-B", os.path.join(markdown.ROOT, "docs/site/stage.py"), markdown.ROOT,
                            os.path.join(folder, "site")], check=True, timeout=60)
            text, listed = "", set()
            for path, _, names in os.walk(os.path.join(folder, "site")):
                for name in names:
                    if name.endswith(".md"):
                        with open(os.path.join(path, name), encoding="utf-8") as file:
                            text += file.read()
            for block in re.findall(r"^```\{toctree\}\n(.*?)^```", text, flags=re.M | re.S):
                listed |= {line for line in block.split("\n") if line and not line.startswith(":")}
            pages = {os.path.relpath(page, "docs")[:-len(".md")] for page in markdown.pages("docs")}
            self.assertEqual(pages - {"index"} - listed, set())
            for path, _, names in os.walk(os.path.join(markdown.ROOT, "include/serried")):
                for name in names:
                    if name.endswith(".hpp"):
                        self.assertIn(f"```{{doxygenfile}} {name}\n", text)

    def test_the_check_of_pieces_sees_a_difference(self):
        files = built_files(".cpp", ".hpp")
        self.assertFalse(any(is_run_of(["int main() try {", "return 0;"], lines) for lines in files))
        self.assertFalse(any(is_subsequence_of(["}  // namespace example", "#pragma once"], lines) for lines in files))


if __name__ == "__main__":
    unittest.main(verbosity=2)
