"""The page as one self-contained file: template, style, program and the trace."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from dataclasses import asdict
from functools import cache
from hashlib import sha256
from importlib.resources import files
from string import Template
from typing import Any

from handgrad.architecture import Architecture
from handgrad.graph import EXAMPLES, Derivative, forward_nodes, graph
from handgrad.notes.operations import OPERATIONS
from handgrad.trace import Trace, to_document
from handgrad.web.cards import cards, mathml

_STATIC = files("handgrad.web") / "static"
_MAIN = "main"
_IMPORT = re.compile(r'^import \{([^}]*)\} from "\./(\w+)\.js";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:class|function|const) (\w+))", re.MULTILINE)


def explanation_page(trace: Trace) -> str:
    """Return a page that opens from disk and needs no server.

    Parameters
    ----------
    trace : Trace

    Returns
    -------
    str
        HTML.

    Examples
    --------
    >>> import numpy as np
    >>> from handgrad import Architecture, Parameters
    >>> from handgrad.model import Model
    >>> from handgrad.standardization import Standardization
    >>> from handgrad.trace import trace
    >>> network = Parameters.zeros(Architecture(input_shape=(6, 6, 1)))
    >>> model = Model(network, ("free", "defect"), Standardization((0.0,), (1.0,)))
    >>> explanation_page(trace(model, np.zeros((6, 6, 1), np.uint8), 1))[:15]
    '<!doctype html>'
    """
    content = page_content(trace.model.architecture, to_document(trace), live=None)
    policy = f'<meta http-equiv="Content-Security-Policy" content="{content_policy()}">'
    return page(content, policy)


def page(content: dict[str, Any], policy: str) -> str:
    """Return the HTML of a page that shows this content; `policy` goes into its head."""
    data = as_data(content)
    return Template(_text("index.html")).substitute(
        title="handgrad: the notes, with the numbers of one picture",
        policy=policy,
        style=_text("style.css"),
        content=data,
        program=_program(),
        footer="Colors grow with the square root of a number’s size. All numbers are computed in double precision, "
        "line by line as the notes have them.",
    )


def as_data(content: Any) -> str:
    """Return JSON for a script element: nothing in it (e.g. the name of a class) can end the element."""
    return json.dumps(content, allow_nan=False).replace("<", "\\u003c")


def page_content(architecture: Architecture, document: dict[str, Any], live: dict[str, Any] | None) -> dict[str, Any]:
    """Return the data of a page: the trace, the cards, the names as MathML, and what a server adds."""
    nodes = (*graph(architecture), *EXAMPLES)
    return {
        "trace": document,
        "contractions": _contractions(),
        "cards": [
            asdict(card) | {"formulas": [mathml(each, block=True) for each in card.formulas]}
            for card in cards(architecture)
        ],
        "symbols": {node.name: mathml(node.name.latex) for node in nodes},
        "derivatives": {node.name.tensor: node.name for node in nodes if isinstance(node.name, Derivative)},
        "layers": [node.name for node in forward_nodes(architecture) if node.operation not in ("parameter", "ideal")],
        "live": live,
    }


def _contractions() -> dict[str, Any]:
    """Return the operations that are sums of products, which the page computes from this description."""
    return {
        name: {
            "inputs": operation.inputs,
            "axes": operation.axes[operation.result],
            "products": [asdict(product) for product in operation.number],
            "forward": operation.derivative_of is None,
        }
        for name, operation in OPERATIONS.items()
        if not isinstance(operation.number, str)
    }


@cache
def content_policy(connect: str = "'none'") -> str:
    """Return the page's Content-Security-Policy."""
    return policy_of(_program(), _text("style.css"), connect)


def policy_of(program: str, style: str, connect: str = "'none'", images: str = "data:") -> str:
    """Return a Content-Security-Policy: a page's own style and program, by their checksums, and nothing else."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src '{_checksum(program)}'",
            f"style-src '{_checksum(style)}'",
            f"img-src {images}",
            f"connect-src {connect}",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _checksum(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


@cache
def _text(name: str) -> str:
    return (_STATIC / name).read_text(encoding="utf-8")


@cache
def _program() -> str:
    """Return all modules as one script, since a page on disk cannot import files: each is a function of its exports."""
    done: dict[str, str] = {}

    def add(name: str) -> None:
        if name in done:
            return
        source = _text(f"{name}.js")
        for _, needed in _IMPORT.findall(source):
            add(needed)
        body = _IMPORT.sub(r"const {\1} = modules.\2;\n", source)
        exported = ", ".join(_EXPORT.findall(body))
        body = _EXPORT.sub("", body)
        done[name] = f"modules.{name} = (() => {{\n{body}\nreturn {{ {exported} }};\n}})();\n"

    add(_MAIN)
    return "const modules = {};\n" + "".join(done.values())
