#!/usr/bin/env python3
"""public_members.py XML: takes out of doxygen's XML what users of a class cannot name: private members and friends.
doxygen leaves them in its XML whatever EXTRACT_PRIVATE says."""

import glob
import os
import sys
import xml.etree.ElementTree as ElementTree


def main():
    for path in glob.glob(os.path.join(sys.argv[1], "*.xml")):
        tree = ElementTree.parse(path)
        for parent in list(tree.iter()):
            for child in list(parent):
                is_hidden = child.get("prot") == "private" or child.get("kind") in ("friend", "private-attrib")
                if child.tag in ("sectiondef", "memberdef", "member", "innerclass") and is_hidden:
                    parent.remove(child)
        for parent in list(tree.iter("compounddef")):
            for section in list(parent.findall("sectiondef")):
                if section.find("memberdef") is None:
                    parent.remove(section)
        tree.write(path, encoding="UTF-8", xml_declaration=True)


if __name__ == "__main__":
    main()
