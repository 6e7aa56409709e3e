#!/usr/bin/env python3
"""check.py SITE: the site works where it lies, without a network: no page loads anything from elsewhere, and every
link inside leads to a file, and an anchor in it, that is there."""

import html.parser
import os
import re
import sys
import urllib.parse

LOADED = {("link", "href"), ("script", "src"), ("img", "src"), ("source", "src"), ("source", "srcset"),
          ("iframe", "src"), ("object", "data"), ("embed", "src"), ("video", "src"), ("audio", "src"), ("use", "href"),
          ("image", "href")}
URL = re.compile(r"(?:url\(|@import)\s*[\"']?((?:https?:)?//[^\"')]+)")


class Page(html.parser.HTMLParser):
    def __init__(self, path):
        super().__init__()
        self.loads, self.links, self.anchors = [], [], set()
        with open(path, encoding="utf-8") as file:
            self.feed(file.read())

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.anchors |= {attributes[name] for name in ("id", "name") if attributes.get(name)}
        for name, value in attributes.items():
            if (tag, name) in LOADED and attributes.get("rel") not in ("canonical", "next", "prev", "author"):
                self.loads.append(value)
            elif tag in ("a", "link") and name == "href":
                self.links.append(value)


def main():
    site = os.path.abspath(sys.argv[1])
    pages, faults = {}, []
    for folder, _, names in os.walk(site):
        for name in names:
            path = os.path.join(folder, name)
            if name.endswith(".html"):
                pages[path] = Page(path)
            elif name.endswith(".css"):
                with open(path, encoding="utf-8") as file:
                    text = re.sub(r"/\*.*?\*/", "", file.read(), flags=re.S)
                faults += [f"{path}: loads {url}" for url in URL.findall(text)]
    for path, page in pages.items():
        for link in page.loads + page.links:
            parts = urllib.parse.urlsplit(link)
            if parts.scheme == "data":
                continue
            if parts.scheme or parts.netloc:
                if link in page.loads:
                    faults.append(f"{path}: loads {link}")
                continue
            file = path
            if parts.path:
                file = os.path.normpath(os.path.join(os.path.dirname(path), urllib.parse.unquote(parts.path)))
            if not os.path.exists(file):
                faults.append(f"{path}: there is no {link}")
            elif parts.fragment and file in pages and urllib.parse.unquote(parts.fragment) not in pages[file].anchors:
                faults.append(f"{path}: there is no anchor {link}")
    for fault in sorted(set(faults)):
        print(fault.removeprefix(site + os.sep))
    print(f"{len(pages)} pages, {len(set(faults))} faults")
    sys.exit(1 if faults or not pages else 0)


if __name__ == "__main__":
    main()
