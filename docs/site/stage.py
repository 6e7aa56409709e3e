#!/usr/bin/env python3
"""stage.py ROOT SOURCES: makes the sources of the site from docs/ of the repository.

The Markdown of docs/ is written for a repository browser. Here it becomes what Sphinx needs: docs/index.md gets the
table of contents, links to headers lead to pages with their doc comments (made here, one for each folder), and other
files of the repository that pages link to come along."""

import os
import posixpath
import re
import shutil
import sys

HEADERS = "include/serried"


def fail(text):
    sys.exit(f"stage.py: {text}")


def headers_by_page(root):
    """Page of the reference -> its headers, relative to include/serried."""
    pages = {}
    for folder, below, names in os.walk(os.path.join(root, HEADERS)):
        below.sort()
        for name in sorted(names):
            if name.endswith(".hpp"):
                header = os.path.relpath(os.path.join(folder, name), os.path.join(root, HEADERS))
                pages.setdefault(os.path.dirname(header) or os.path.splitext(header)[0], []).append(header)
    return pages


def write_reference(root, target):
    os.makedirs(os.path.join(target, "api"))
    seen = {}
    for page, headers in headers_by_page(root).items():
        text = f"# serried/{page}\n" if os.path.dirname(headers[0]) else f"# serried/{headers[0]}\n"
        for header in headers:
            name = os.path.basename(header)
            if name in seen:  # doxygenfile finds files by name alone
                fail(f"two headers have the name {name}: {seen[name]} and {header}")
            seen[name] = header
            if os.path.dirname(header):
                text += f"\n## {name}\n"
            text += f"\n```{{doxygenfile}} {name}\n```\n"
        with open(os.path.join(target, "api", page.replace("/", "-") + ".md"), "w", encoding="utf-8") as file:
            file.write(text)


def site_link(root, target, page, link):
    """Where a link of docs/PAGE leads in the site."""
    path, mark, anchor = link.partition("#")
    if re.match(r"[a-z]+:", link) or not path:
        return link
    inside = posixpath.normpath(posixpath.join("docs", posixpath.dirname(page), path))
    if not os.path.exists(os.path.join(root, inside)):
        fail(f"docs/{page}: there is no {inside}")
    if inside.startswith("docs/") and (inside.endswith(".md") or "/figures/" in inside):
        return link
    if inside == "README.md":
        return "index.md"
    if inside.startswith(HEADERS + "/"):
        name = inside[len(HEADERS) + 1:]
        folder = name if os.path.isdir(os.path.join(root, inside)) else posixpath.dirname(name) or name[:-len(".hpp")]
        return f"api/{folder.replace('/', '-')}.md"
    if os.path.isdir(os.path.join(root, inside)) or inside.endswith(".md"):
        fail(f"docs/{page}: the site has no page for {inside}")
    copy = os.path.join(target, "repository", inside)
    os.makedirs(os.path.dirname(copy), exist_ok=True)
    shutil.copyfile(os.path.join(root, inside), copy)
    return f"repository/{inside}"


def contents(index):
    """The sections of index.md and their pages, as hidden tables of contents."""
    text = ""
    for section in re.split(r"^## ", index, flags=re.M)[1:]:
        title = section.split("\n", 1)[0]
        pages = re.findall(r"^- \[[^\]]*\]\(([^)#]+)\.md\)", section, flags=re.M)
        text += f"\n```{{toctree}}\n:hidden:\n:caption: {title}\n\n" + "\n".join(pages) + "\n```\n"
    return text


def main():
    root, target = (os.path.abspath(path) for path in sys.argv[1:])
    shutil.rmtree(target, ignore_errors=True)
    os.makedirs(target)
    docs = os.path.join(root, "docs")
    shutil.copytree(os.path.join(docs, "figures"), os.path.join(target, "figures"))
    shutil.copytree(os.path.join(docs, "site", "static"), os.path.join(target, "static"))
    for page in sorted(name for name in os.listdir(docs) if name.endswith(".md")):
        with open(os.path.join(docs, page), encoding="utf-8") as file:
            text = file.read()
        text = re.sub(r"\]\(([^)\s]+)\)", lambda m: f"]({site_link(root, target, page, m[1])})", text)
        if page == "index.md":
            text += contents(text)
        if page == "api.md":
            pages = "\n".join(f"api/{name.replace('/', '-')}" for name in headers_by_page(root))
            text += f"\n```{{toctree}}\n:hidden:\n\n{pages}\n```\n"
        with open(os.path.join(target, page), "w", encoding="utf-8") as file:
            file.write(text)
    write_reference(root, target)


if __name__ == "__main__":
    main()
