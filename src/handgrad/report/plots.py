"""Pictures of a training: its curves and its filters, as PNG."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from handgrad.parameters import Parameters
from handgrad.training import Epoch
from handgrad.typing import Array

_TRAINING, _VALIDATION = "#0072b2", "#d55e00"
_COLUMNS = 16
_SHOWN = 64


def curves(history: Sequence[Epoch]) -> bytes:
    """Loss and accuracy over the epochs, training beside validation.

    Examples
    --------
    >>> curves([Epoch(1, 1, 2.0, 0.3, 1.9, 0.4, 0.01, 1.0)])[1:4]
    b'PNG'
    """
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    epochs = [epoch.epoch for epoch in history]
    _pair(left, epochs, [e.loss for e in history], [e.validation_loss for e in history])
    left.set(title="Loss (cross entropy, nats)", xlabel="epoch", yscale="log")
    _pair(right, epochs, [e.accuracy for e in history], [e.validation_accuracy for e in history])
    right.set(title="Accuracy", xlabel="epoch")
    right.yaxis.set_major_formatter(PercentFormatter(1.0))
    right.legend(frameon=False, loc="lower right")
    return _png(figure)


def _pair(axes: Axes, epochs: list[int], training: list[float], validation: list[float]) -> None:
    marker = "o" if len(epochs) <= 30 else ""
    axes.plot(epochs, training, color=_TRAINING, marker=marker, markersize=3, label="training")
    axes.plot(epochs, validation, color=_VALIDATION, marker=marker, markersize=3, label="validation")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(color="0.92")
    axes.spines[["top", "right"]].set_visible(False)


def filters(parameters: Parameters) -> bytes:
    """Every convolution's filters, as many as fit: blue is negative, white 0, red positive; one scale a layer.

    Filters over several maps are shown for their first map.

    Examples
    --------
    >>> from handgrad.architecture import Architecture
    >>> filters(Parameters.draw(Architecture(), np.random.default_rng(0)))[1:4]
    b'PNG'
    """
    layers = parameters.architecture.convolutions
    rows = [-(-min(layer.shape[2], _SHOWN) // _COLUMNS) for layer in layers]
    figure = Figure(figsize=(9, sum(0.62 * count + 0.45 for count in rows)), layout="constrained")
    panels = figure.subfigures(len(layers), 1, height_ratios=[count + 0.7 for count in rows], squeeze=False)
    for layer, count, panel in zip(layers, rows, panels[:, 0], strict=True):
        F = parameters[layer.F]
        single = F if F.ndim == 3 else F[:, :, 0, :]
        limit = float(np.abs(single).max()) or 1.0
        shown = "" if layer.shape[2] <= _SHOWN else f", the first {_SHOWN} of {layer.shape[2]}"
        panel.suptitle(f"{layer.F}: {layer.shape[2]} filters{shown}, ±{limit:.2f}", fontsize=9, x=0.01, ha="left")
        axes = panel.subplots(count, _COLUMNS, squeeze=False)
        for index, cell in enumerate(axes.flat):
            cell.set_axis_off()
            if index < min(layer.shape[2], _SHOWN):
                _draw(cell, single[:, :, index], limit)
    return _png(figure)


def _draw(axes: Axes, values: Array, limit: float) -> None:
    axes.imshow(values, cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="nearest")


def _png(figure: Figure) -> bytes:
    # Agg directly: no window system and no global state of pyplot is touched.
    FigureCanvasAgg(figure)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=130)
    return buffer.getvalue()
