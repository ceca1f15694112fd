"""The interface of every contestant, and the parameters in the peers' layouts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from handgrad.architecture import Architecture
from handgrad.parameters import Parameters
from handgrad.typing import Array


@dataclass(frozen=True)
class Contestant:
    """One way to compute one network; every call returns when its result is complete.

    Parameters
    ----------
    step : callable, optional
        Takes a training step on the network's batch and returns the mean loss before it.
    predict : callable
        Class probabilities of the network's batch.
    predict_one : callable
        Class probabilities of its first image.
    parameters : callable, optional
        The parameters under their names and in their shapes in the notes, after the steps so far.
    """

    predict: Callable[[], Any]
    predict_one: Callable[[], Any]
    step: Callable[[], Any] | None = None
    parameters: Callable[[], Mapping[str, Any]] | None = None

    def tasks(self) -> dict[str, Callable[[], Any]]:
        """Return the functions to time, by name."""
        tasks = {"predict": self.predict, "predict one": self.predict_one}
        return {"step": self.step, **tasks} if self.step else tasks


def channels_first(parameters: Parameters) -> dict[str, Array]:
    """Lay out filters as (filters, maps, height, width), dense weights as (outputs, inputs), x' in the order (n, i, j).

    Depth weights are omitted: they are the identity if the peers compute ordinary convolutions.
    """
    architecture = parameters.architecture
    arrays: dict[str, Array] = {}
    for conv in architecture.convolutions:
        F = parameters[conv.F]
        arrays[conv.F] = np.ascontiguousarray((F if F.ndim == 4 else F[:, :, None, :]).transpose(3, 2, 0, 1))
    for dense in architecture.denses:
        w = parameters[dense.w]
        if dense.index == 1:
            w = w.reshape(*_pooled(architecture), -1).transpose(2, 0, 1, 3).reshape(w.shape)
        arrays[dense.w], arrays[dense.b] = np.ascontiguousarray(w.T), parameters[dense.b].copy()
    return arrays


def notes_layout(arrays: Mapping[str, Any], architecture: Architecture) -> dict[str, Array]:
    """Invert ``channels_first``."""
    parameters: dict[str, Array] = {}
    for conv in architecture.convolutions:
        parameters[conv.F] = np.asarray(arrays[conv.F]).transpose(2, 3, 1, 0).reshape(conv.filter_shape)
    for dense in architecture.denses:
        w = np.asarray(arrays[dense.w]).T
        if dense.index == 1:
            i, j, n = _pooled(architecture)
            w = w.reshape(n, i, j, -1).transpose(1, 2, 0, 3).reshape(w.shape)
        parameters[dense.w], parameters[dense.b] = w, np.asarray(arrays[dense.b])
    return parameters


def is_ordinary(architecture: Architecture) -> bool:
    """Return whether the convolutions have a filter per channel, which the literal and the tied form do not."""
    return architecture.maps is not None


def forms(architecture: Architecture) -> tuple[str, ...]:
    """Return the ways to write the convolutions."""
    return ("ordinary",) if is_ordinary(architecture) else ("tied sum", "expanded")


def _pooled(architecture: Architecture) -> tuple[int, int, int]:
    shape = architecture.convolutions[-1].pooled_shape
    assert shape
    return shape
