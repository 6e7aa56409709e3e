"""What the tests of the documents read in Markdown: fenced blocks, links, headings."""

import os
import re

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
LEFT_OUT = {"build", ".venv", ".git"}


class Block:
    """A fenced block: where it begins, its language ('' without one) and its lines as (line number, text)."""

    def __init__(self, line, language):
        self.line, self.language = line, language
        self.lines = []


def pages(*folders):
    """Paths, relative to the root, of the Markdown files of the folders, or of the whole repository."""
    found = []
    for folder in folders or ("",):
        for path, below, names in os.walk(os.path.join(ROOT, folder)):
            below[:] = sorted(name for name in below if name not in LEFT_OUT)
            found += [os.path.relpath(os.path.join(path, name), ROOT) for name in names if name.endswith(".md")]
    return sorted(found)


def lines_of(page):
    with open(os.path.join(ROOT, page), encoding="utf-8") as file:
        return list(enumerate(file.read().split("\n"), 1))


def split(page):
    """The fenced blocks of a page, and the (line number, text) outside of them."""
    blocks, outside, block = [], [], None
    for number, text in lines_of(page):
        fence = re.match(r"\s*(```+)\s*(\S*)", text)
        if fence and block is None:
            block = Block(number, fence.group(2))
            blocks.append(block)
        elif fence:
            block = None
        elif block is not None:
            block.lines.append((number, text))
        else:
            outside.append((number, text))
    if block is not None:
        raise ValueError(f"{page}: a fenced block has no end")
    return blocks, outside


def anchors(page):
    """The anchors of a page's headings, as GitHub makes them."""
    found = []
    for _, text in split(page)[1]:
        heading = re.match(r"#{1,6}\s+(.*?)\s*#*$", text)
        if not heading:
            continue
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading.group(1))
        slug = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        found.append(slug if slug not in found else f"{slug}-{found.count(slug)}")
    return set(found)


def links(page):
    """(line number, target) of the links and pictures of a page."""
    found = []
    for number, text in split(page)[1]:
        text = re.sub(r"`[^`]*`", "", text)
        found += [(number, target) for target in re.findall(r"\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)", text)]
        found += [(number, target) for target in re.findall(r"^\[[^\]]+\]:\s+(\S+)", text)]
    return found
