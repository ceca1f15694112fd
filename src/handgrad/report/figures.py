"""The figures of a training, drawn once by Matplotlib: PNG for files, SVG for the report's page."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, MultipleLocator, NullLocator

from handgrad.parameters import Parameters
from handgrad.typing import Array

_COLORS = {
    "paper": "#fdfcf8", "text": "#1d1c1a", "quiet": "#5f5b54", "line": "#ddd8cc", "right": "#0a6466",
    "positive": "#d9660f",
}  # fmt: skip
"""The page's colors on paper, by the names of the CSS variables that replace them in the SVG."""
_VARIABLES = {color: f"var(--{name})" for name, color in _COLORS.items()}
_STYLE: dict[Any, Any] = {
    "font.size": 10.5,
    "axes.edgecolor": _COLORS["quiet"],
    "axes.labelcolor": _COLORS["quiet"],
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "grid.color": _COLORS["line"],
    "legend.frameon": False,
    "text.color": _COLORS["text"],
    "xtick.labelcolor": _COLORS["quiet"],
    "ytick.labelcolor": _COLORS["quiet"],
    **dict.fromkeys(("axes.spines.left", "axes.spines.right", "axes.spines.top", "xtick.bottom", "ytick.left"), False),
}
_TITLES = {"loss": "Loss (cross entropy, nats)", "accuracy": "Accuracy"}
_LINES: dict[str, dict[str, Any]] = {
    "training": {"color": _COLORS["right"], "linestyle": "--", "markerfacecolor": _COLORS["paper"]},
    "validation": {"color": _COLORS["positive"]},
}
_MARKED = 40
"""Lines of more epochs than these have no markers."""
_COLUMNS = 16
_SHOWN = 64


def curves(history: Sequence[Mapping[str, float]], chosen: int, names: Sequence[str] = tuple(_TITLES)) -> Figure:
    """Draw loss and accuracy over the epochs of the report's ``history``, training beside validation.

    `chosen` is the epoch, from 1, whose model is kept; each of the `names` is a panel.
    """
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(4.4 * len(names), 3.3), layout="constrained")
        panels = figure.subplots(1, len(names), squeeze=False)[0]
        for name, axes in zip(names, panels, strict=True):
            _curve(axes, history, name, chosen)
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def _curve(axes: Axes, history: Sequence[Mapping[str, float]], name: str, chosen: int) -> None:
    epochs = np.arange(1, len(history) + 1)
    values = np.array([[epoch[name], epoch[f"validation_{name}"]] for epoch in history])
    if name == "loss":
        axes.set_yscale("log")
        # Zero has no logarithm: it is drawn at the bottom.
        least = values[values > 0].min(initial=values.max() or 1)
        values = np.maximum(values, least)
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if values.max() < 30 * least else (1,)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_locator(NullLocator())
    else:
        axes.yaxis.set_major_formatter(FuncFormatter(_percent))
    for (label, style), line in zip(_LINES.items(), values.T, strict=True):
        marker = "o" if len(epochs) <= _MARKED else ""
        axes.plot(epochs, line, marker=marker, markersize=4, label=label, **style)
    axes.axvline(chosen, color=_COLORS["quiet"], linestyle=":", linewidth=1.2, label="kept epoch")
    axes.set_title(_TITLES[name])
    axes.set_xlabel("epoch")
    axes.set_xlim(0.5, len(epochs) + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))
    axes.grid(visible=False, axis="x")


def _percent(share: float, _: object) -> str:
    return f"{100 * share:.4g} %"


def reliability(bins: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw how often the predictions of each of the report's bins are correct, above how many there are."""
    filled = [each for each in bins if each["images"]]
    accuracy = np.array([each["accuracy"] for each in filled])
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(4.4, 5), layout="constrained")
        top, bottom = figure.subplots(2, 1, height_ratios=(4, 1), sharex=True)
        reach = np.abs(np.transpose([each["accuracy_interval"] for each in filled]) - accuracy)
        top.plot([0, 1], [0, 1], color=_COLORS["quiet"], linestyle="--", linewidth=1)
        top.errorbar([each["confidence"] for each in filled], accuracy, reach, fmt="o", color=_COLORS["right"])
        top.set(title="Share correct", xlim=(0, 1), ylim=(0, 1))
        top.yaxis.set_major_formatter(FuncFormatter(_percent))
        bars = bottom.bar(
            [(each["low"] + each["high"]) / 2 for each in filled],
            [each["images"] for each in filled], width=0.09, color=_COLORS["quiet"], alpha=0.55,
        )  # fmt: skip
        bottom.bar_label(bars, fmt="{:,.0f}", color=_COLORS["quiet"], fontsize=8.5, padding=1)
        bottom.set(title="Pictures", xlabel="predicted probability", yticks=())
        bottom.xaxis.set_major_locator(MultipleLocator(0.2))
        bottom.xaxis.set_major_formatter(FuncFormatter(_percent))
    return figure


def filters(parameters: Parameters) -> Figure:
    """Draw the first 64 filters of every convolution: blue is negative, white 0, red positive; one scale per layer.

    Of filters over several maps only the first map is drawn.
    """
    layers = parameters.architecture.convolutions
    mosaics = [_mosaic(parameters[layer.F]) for layer in layers]
    heights = [9 * rows / columns + 0.35 for rows, columns in (mosaic.shape for mosaic in mosaics)]
    figure = Figure(figsize=(9, sum(heights)), layout="constrained")
    panels = figure.subplots(len(layers), 1, height_ratios=heights, squeeze=False)[:, 0]
    for layer, mosaic, axes in zip(layers, mosaics, panels, strict=True):
        limit = float(np.nanmax(np.abs(mosaic))) or 1.0
        count = layer.shape[2]
        shown = f"{count} filters" if count <= _SHOWN else f"{_SHOWN} of {count} filters"
        over = f" over the first of {layer.filter_shape[2]} maps" if len(layer.filter_shape) == 4 else ""
        axes.set_title(f"{layer.F}: {shown}{over}; −{limit:.2f} blue, +{limit:.2f} red", fontsize=9, loc="left")
        axes.imshow(mosaic, cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="nearest")
        axes.set_axis_off()
        axes.set_anchor("W")
    return figure


def _mosaic(F: Array) -> Array:
    """Put filters side by side with gaps of NaN: one image is drawn far faster than one per filter."""
    first = (F if F.ndim == 3 else F[:, :, 0])[:, :, :_SHOWN]
    height, width, count = first.shape
    rows = -(-count // _COLUMNS)
    padded = np.pad(first, ((0, 1), (0, 1), (0, rows * _COLUMNS - count)), constant_values=np.nan)
    tiles = padded.reshape(height + 1, width + 1, rows, _COLUMNS).transpose(2, 0, 3, 1)
    return tiles.reshape(rows * (height + 1), _COLUMNS * (width + 1))


def png(figure: Figure) -> bytes:
    """Write a figure as PNG."""
    # Agg directly: no window system and no global state of pyplot is touched.
    FigureCanvasAgg(figure)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=130)
    return buffer.getvalue()


def svg(figure: Figure, label: str) -> str:
    """Write a figure as an SVG element for a page: text as text, colors as the page's CSS variables.

    A page without inline styles can hold it, since every style becomes an attribute. The same figure is the same text.
    The label is what screen readers say; figures of one page need different ones.
    """
    for artist in figure.findobj():
        artist.set_clip_on(False)
    buffer = io.StringIO()
    no_metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": label}):
        figure.savefig(buffer, format="svg", transparent=True, metadata=no_metadata)
    root = ElementTree.fromstring(buffer.getvalue())
    attributes = {"aria-label": label, "class": "chart", "role": "img", "viewBox": root.attrib["viewBox"]}
    drawing = ElementTree.Element("svg", attributes)
    drawing.extend(each for each in root if each.tag.endswith("}g"))
    for element in drawing.iter():
        _as_attributes(element)
    return ElementTree.tostring(drawing, "unicode")


def _as_attributes(element: ElementTree.Element) -> None:
    """Turn an element's style into attributes, without namespaces, whitespace and the names of Matplotlib's groups."""
    element.tag = element.tag.rpartition("}")[2]
    element.text, element.tail = (element.text or "").strip(), None
    attributes = {name.rpartition("}")[2]: " ".join(value.split()) for name, value in element.attrib.items()}
    style = dict(re.findall(r"([\w-]+): ([^;]+)", attributes.pop("style", "")))
    if font := style.pop("font", ""):  # Older versions of Matplotlib write size and family as one.
        style["font-size"] = font.split()[0]
    style.pop("font-family", None)
    attributes |= {name: _VARIABLES.get(value, value) for name, value in style.items()}
    if element.tag == "g":
        attributes.pop("id", None)
    element.attrib.clear()
    element.attrib.update(attributes)
