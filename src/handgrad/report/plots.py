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
    axes.set_xlim(0.5, len(epochs) + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
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
    pictures = [_mosaic(parameters[layer.F]) for layer in layers]
    heights = [9 * rows / columns + 0.35 for rows, columns in (picture.shape for picture in pictures)]
    figure = Figure(figsize=(9, sum(heights)), layout="constrained")
    panels = figure.subplots(len(layers), 1, height_ratios=heights, squeeze=False)[:, 0]
    for layer, picture, axes in zip(layers, pictures, panels, strict=True):
        limit = float(np.nanmax(np.abs(picture))) or 1.0
        count = layer.shape[2]
        shown = f"{count} filters" if count <= _SHOWN else f"{_SHOWN} of {count} filters"
        over = f" over the first of {layer.filter_shape[2]} maps" if len(layer.filter_shape) == 4 else ""
        axes.set_title(f"{layer.F}: {shown}{over}; −{limit:.2f} blue, +{limit:.2f} red", fontsize=9, loc="left")
        axes.imshow(picture, cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="nearest")
        axes.set_axis_off()
        axes.set_anchor("W")
    return _png(figure)


def _mosaic(F: Array) -> Array:
    """Filters side by side with gaps of NaN between them: one picture is drawn far faster than one a filter."""
    first = F if F.ndim == 3 else F[:, :, 0, :]
    k1, k2, count = first[:, :, :_SHOWN].shape
    picture: Array = np.full((-(-count // _COLUMNS) * (k1 + 1), _COLUMNS * (k2 + 1)), np.nan)
    for n in range(count):
        top, left = n // _COLUMNS * (k1 + 1), n % _COLUMNS * (k2 + 1)
        picture[top : top + k1, left : left + k2] = first[:, :, n]
    return picture


def _png(figure: Figure) -> bytes:
    # Agg directly: no window system and no global state of pyplot is touched.
    FigureCanvasAgg(figure)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=130)
    return buffer.getvalue()
