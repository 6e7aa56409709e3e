"""Sphinx's settings for the site that scripts/docs.sh builds; docs/site/stage.py makes its sources."""

from docutils import nodes
from sphinx import addnodes

project = "Serried"
author = "the authors of Serried"
copyright = "the authors of Serried; Apache License 2.0"
extensions = ["myst_parser", "breathe"]
exclude_patterns = ["repository"]
html_theme = "furo"
html_title = "Serried"
html_show_sphinx = False
html_show_sourcelink = False
html_copy_source = False
html_static_path = ["static"]
html_css_files = ["site.css"]
highlight_language = "text"
pygments_style = "tango"
pygments_dark_style = "monokai"
myst_heading_anchors = 4

# All headers are parts of one namespace.
suppress_warnings = ["duplicate_declaration.cpp"]
primary_domain = "cpp"
breathe_default_project = "serried"
breathe_projects = {"serried": "../../build/docs/doxygen/xml"}
breathe_default_members = ("members",)
breathe_show_include = False


def unwrap_namespaces(app, tree):
    """Breathe puts what a header declares into a box for its namespace, which is always the same."""
    anchors = set()
    for entry in list(tree.findall(addnodes.desc)):
        if not entry[0].astext().startswith("namespace "):
            continue
        parent, place = entry.parent, entry.parent.index(entry)
        if place > 0 and isinstance(parent[place - 1], addnodes.index):
            parent.remove(parent[place - 1])
        new = [name for name in entry[0]["ids"] if name not in anchors]
        anchors.update(new)
        parent.replace(entry, [nodes.target(ids=[name]) for name in new] + entry[-1].children)


def setup(app):
    app.connect("doctree-read", unwrap_namespaces, priority=400)  # before Sphinx collects tables of contents
