"""What a notebook shows of an architecture, a model, a trace and a dataset: small, escaped, in any color scheme."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from functools import singledispatch
from html import escape
from io import BytesIO
from itertools import islice
from typing import Any

import numpy as np
from PIL import Image

from handgrad.architecture import Architecture
from handgrad.data import Dataset, Samples
from handgrad.graph import GIVEN, Node, forward_nodes, graph
from handgrad.model import Model
from handgrad.notes.operations import plain_formula
from handgrad.percent import percent
from handgrad.report.images import embedded
from handgrad.text import shown
from handgrad.trace import Trace
from handgrad.typing import Pixels

_ROWS = 40
"""Of any table; what follows is counted."""
_LONGEST = 120
"""Characters of one name or value."""
_BYTES = 60_000
"""Of all pictures together."""
_PICTURES = 8
_SIDE = 32

_LEFT, _RIGHT = "text-align:left", "text-align:right"
"""On each cell, since notebooks align them by style sheets of their own."""


@singledispatch
def html(value: Any) -> str:
    """Return HTML without style sheets or scripts, of less than 100 kB, whatever the value holds.

    Parameters
    ----------
    value : Architecture, Model, Trace or Dataset

    Examples
    --------
    >>> print(html(Architecture(input_shape=(6, 6, 1)))[:60])
    <div><p><b>Architecture</b>: 6 × 6 × 1 → 2 classes; 480 para
    """
    return f"<pre>{_text(repr(value))}</pre>"


@html.register
def _(architecture: Architecture) -> str:
    return _block(_summary("Architecture", architecture), _layers(architecture))


@html.register
def _(model: Model) -> str:
    figures = model.standardization
    facts: dict[str, Any] = {
        "classes": ", ".join(model.classes[:20]) + (", …" if len(model.classes) > 20 else ""),
        "mean": ", ".join(f"{value:.4g}" for value in figures.mean),
        "std": ", ".join(f"{value:.4g}" for value in figures.std),
    }
    # Anything that JSON can hold, since a model's file may come from anywhere.
    known: Any = model.provenance
    facts |= islice(known.items(), 12) if isinstance(known, dict) else {"provenance": known}.items()
    told = _table((), ((_text(name), _text(value, 2 * _LONGEST)) for name, value in facts.items()))
    return _block(_summary("Model", model.architecture), told, _layers(model.architecture))


@html.register
def _(trace: Trace) -> str:
    classes, z = trace.model.classes, trace.tensors["z"]
    picture = embedded(trace.pixels)
    rendering = ";image-rendering:pixelated" if picture.crisp else ""
    image = f'<img src="{picture.url}" alt="the picture" style="height:6em{rendering}">'
    ranked = np.argsort(-z, kind="stable")[:5]
    answers = _table((), ((_text(classes[k]), percent(float(z[k]))) for k in ranked))
    expected = f"expected {_text(classes[trace.label])}, E = {float(trace.tensors['E']):.4g}"
    nodes = [node for node in graph(trace.model.architecture) if node.operation != "step"]
    rows = ((_text(node.name), node.line, _shape(node), *_ends(trace.tensors[node.name])) for node in nodes)
    tensors = _table(("tensor", "line", "shape", "smallest>", "largest>"), rows, len(nodes))
    return _block(f"<b>Trace</b>: {expected}", image, answers, tensors)


@html.register
def _(dataset: Dataset) -> str:
    splits = dataset.splits
    counts = {name: np.bincount(each.labels, minlength=len(dataset.classes)) for name, each in splits.items()}
    total = sum(map(len, splits.values()))
    size = " × ".join(map(str, dataset.image_shape))
    title = f"<b>Dataset</b> {_text(dataset.name)}: {total:,} images of {size}, {len(dataset.classes)} classes"
    strips = _strips(dataset.train, len(dataset.classes))
    rows = (
        (_text(name), *(f"{count[label]:,}" for count in counts.values()), next(strips))
        for label, name in enumerate(dataset.classes)
    )
    table = _table(("class", *(f"{name}>" for name in splits), ""), rows, len(dataset.classes))
    return _block(title, table, *(_text(notice, 300) for notice in dataset.notices[:5]))


def _summary(title: str, architecture: Architecture) -> str:
    size = " × ".join(map(str, architecture.input_shape))
    return f"<b>{title}</b>: {size} → {architecture.classes} classes; {architecture.parameter_count:,} parameters"


def _layers(architecture: Architecture) -> str:
    """Return a table of the forward pass: one row for each tensor that is computed, with what it learns."""
    nodes = forward_nodes(architecture, until="z")
    learned = {node.name: node for node in nodes if node.operation == "parameter"}
    computed = [node for node in nodes if node.name not in learned]
    rows = (
        (
            _text(node.name),
            _shape(node),
            "the image" if node.operation in GIVEN else _text(plain_formula(node)),
            ", ".join(f"{_text(name)} {_shape(learned[name])}" for name in node.inputs if name in learned),
        )
        for node in computed
    )
    return _table(("tensor", "shape", "computed as", "learned"), rows, len(computed))


def _shape(node: Node) -> str:
    return " × ".join(map(str, node.shape)) or "a number"


def _ends(tensor: Any) -> tuple[str, str]:
    return f"{float(np.min(tensor)):.4g}", f"{float(np.max(tensor)):.4g}"


def _strips(samples: Samples, classes: int) -> Iterator[str]:
    """Yield the first training pictures of each class as one image, until they are too many bytes."""
    left = _BYTES if samples.images.dtype == np.uint8 else 0
    for label in range(classes):
        chosen = np.flatnonzero(samples.labels == label)[:_PICTURES] if left > 0 else ()
        strip = _strip(np.asarray(samples.images[chosen])) if len(chosen) else ""
        left -= len(strip)
        yield strip if left > 0 else ""


def _strip(images: Pixels) -> str:
    height, width = images.shape[1:3]
    scale = _SIDE / max(height, width)
    small = scale >= 1
    size = (max(1, round(width * (int(scale) or scale))), max(1, round(height * (int(scale) or scale))))
    way = Image.Resampling.NEAREST if small else Image.Resampling.BOX
    pictures = [Image.fromarray(image.squeeze(2) if image.shape[2] == 1 else image) for image in images]
    whole = Image.new(
        "RGBA" if small else "RGB", (len(pictures) * (size[0] + 2), size[1]), (128, 128, 128, 0)[: 4 if small else 3]
    )
    for place, picture in enumerate(pictures):
        whole.paste(picture.resize(size, way), (place * (size[0] + 2), 0))
    content, kind = BytesIO(), "png" if small else "jpeg"
    whole.save(content, kind)
    return f'<img alt="pictures of this class" src="data:image/{kind};base64,{b64encode(content.getvalue()).decode()}">'


def _table(header: Sequence[str], rows: Iterable[Sequence[str]], count: int = 0) -> str:
    """Return a table of cells that are HTML already; columns named "…>" are right-aligned."""
    styles = [_RIGHT if name.endswith(">") else _LEFT for name in header]
    head = "".join(f'<th style="{style}">{name.rstrip(">")}</th>' for name, style in zip(header, styles, strict=True))
    body = "".join(
        "<tr>"
        + "".join(
            f'<td style="{style}">{cell}</td>' for cell, style in zip(row, styles or [_LEFT] * len(row), strict=True)
        )
        + "</tr>"
        for row in islice(rows, _ROWS)
    )
    more = f"<p>… and {count - _ROWS:,} more</p>" if count > _ROWS else ""
    headed = f"<thead><tr>{head}</tr></thead>" if head else ""
    return f"<table>{headed}<tbody>{body}</tbody></table>{more}"


def _block(title: str, *parts: str) -> str:
    return f"<div><p>{title}</p>{''.join(part if part.startswith('<') else f'<p>{part}</p>' for part in parts)}</div>"


def _text(value: object, longest: int = _LONGEST) -> str:
    return escape(shown(value, longest))
