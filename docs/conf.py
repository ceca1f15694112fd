"""Sphinx configuration of ``make docs``, which builds from the repository's root so that all links work as written."""

import posixpath
from typing import Any

from docutils import nodes
from latex2mathml.converter import convert
from sphinx import addnodes
from sphinx.application import Sphinx

import handgrad

project = "handgrad"
release = version = handgrad.__version__
project_copyright = "the authors of handgrad"
language = "en"

root_doc = "docs/index"
include_patterns = ["docs/**", "*.md"]
exclude_patterns = ["docs/static"]
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]

myst_enable_extensions = ["dollarmath"]
myst_fence_as_directive = ["math"]
myst_heading_anchors = 3
highlight_language = "none"

autodoc_typehints = "none"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True}
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True

html_theme = "furo"
html_title = "handgrad"
html_static_path = ["static"]
html_extra_path = ["static/index.html"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_math_renderer = "mathml"

_SOURCE = "src/handgrad/"


def _formula(translator: Any, node: nodes.Element) -> None:
    display = "block" if isinstance(node, nodes.math_block) else "inline"
    formula = convert(node.astext(), display=display)
    translator.body.append(f'<div class="formula">{formula}</div>' if display == "block" else formula)
    raise nodes.SkipNode


def _code_in_the_reference(app: Sphinx, document: nodes.document) -> None:
    """Turn links to files of the package into links to the API reference."""
    folder = posixpath.dirname(app.env.docname)
    for link in document.findall(addnodes.download_reference):
        path = posixpath.normpath(posixpath.join(folder, link["reftarget"]))
        if path.startswith(_SOURCE):
            module, name = posixpath.dirname(path.removeprefix("src/")).replace("/", "."), link.astext()
            target = {"refdoc": app.env.docname, "refdomain": "py", "reftype": "obj", "refexplicit": True}
            link.replace_self(
                addnodes.pending_xref("", *link.children, reftarget=f"{module}.{name}", refwarn=True, **target)
            )


def setup(app: Sphinx) -> None:
    """Render formulas as MathML, which browsers show without a script."""
    app.add_html_math_renderer("mathml", inline_renderers=(_formula, None), block_renderers=(_formula, None))
    # Before Sphinx collects downloads.
    app.connect("doctree-read", _code_in_the_reference, priority=100)
