"""What computes both passes: the protocol, and the choice by name."""

from __future__ import annotations

from typing import Literal, Protocol, TypeAlias, get_args

from handgrad.errors import InputError
from handgrad.notes import network
from handgrad.parameters import Parameters
from handgrad.standardization import Standardization
from handgrad.typing import Array, Integers, Stored

EngineName: TypeAlias = Literal["fused", "notes"]
ENGINES: tuple[EngineName, ...] = get_args(EngineName)
"""Names of the engines, the default first."""


class Engine(Protocol):
    """Both passes of a network over images as stored, which it standardizes."""

    name: str
    standardization: Standardization

    def loss_and_gradients(
        self, parameters: Parameters, images: Stored, labels: Integers | Array, sample_weight: Array | None = None
    ) -> tuple[Array, Array, Parameters]:
        """Each image's loss and class probabilities, and the gradient of the mean loss, Σ w·E / Σ w."""

    def predict(self, parameters: Parameters, images: Stored) -> Array:
        """Class probabilities, shape (batch, classes)."""


class NotesEngine:
    """The notes, line by line, in NumPy: the oracle of anything faster.

    Parameters
    ----------
    standardization : Standardization
        Applied to the pixels before X.
    """

    name = "notes"

    def __init__(self, standardization: Standardization) -> None:
        self.standardization = standardization

    def loss_and_gradients(
        self, parameters: Parameters, images: Stored, labels: Integers | Array, sample_weight: Array | None = None
    ) -> tuple[Array, Array, Parameters]:
        """See ``Engine``."""
        X = self.standardization.apply(images, parameters.vector.dtype)
        return network.loss_and_gradients(parameters, X, labels, sample_weight)

    def predict(self, parameters: Parameters, images: Stored) -> Array:
        """See ``Engine``."""
        return network.predict(parameters, self.standardization.apply(images, parameters.vector.dtype))


def create(name: str, standardization: Standardization, threads: int | None = None) -> Engine:
    """The engine of that name.

    Parameters
    ----------
    name : {"fused", "notes"}
    standardization : Standardization
        Applied to the pixels.
    threads : int, optional
        Of the fused engine; ``fused.team.default_threads()`` if left out. The results do not depend on it.

    Raises
    ------
    InputError
        If there is none.

    Examples
    --------
    >>> create("notes", Standardization((0.0,), (1.0,))).name
    'notes'
    """
    check_name(name)
    if threads is not None and threads < 1:
        raise InputError("threads", threads, "must be at least 1", "leave it out for one a processor")
    if name == "fused":
        # Imported here, since Numba takes a second to import and not every use needs it.
        from handgrad.fused.network import FusedEngine

        return FusedEngine(standardization, threads)
    return NotesEngine(standardization)


def check_name(name: str) -> None:
    """Refuse what is no engine's name.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    if name not in ENGINES:
        raise InputError("engine", name, f"the engines are {', '.join(ENGINES)}", f"use {ENGINES[0]}")
