"""Engines compute both passes: their protocol, and the choice by name."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, get_args

import numpy as np
from numpy.typing import DTypeLike

from handgrad import fused, optimizer, processors
from handgrad.architecture import Architecture
from handgrad.errors import HandgradWarning, InputError
from handgrad.notes import network
from handgrad.optimizer import Optimizer, RecipeLike
from handgrad.parameters import Parameters
from handgrad.standardization import Standardization
from handgrad.typing import Array, Integers, Stored

if TYPE_CHECKING:
    from handgrad.fused.compilation import Compilation, Compiling

EngineName: TypeAlias = Literal["fused", "notes"]
ENGINES: tuple[EngineName, ...] = get_args(EngineName)
"""Names of the engines, the default first."""


class Engine(Protocol):
    """Both passes of a network over images as stored, which the engine standardizes, and the step after them."""

    name: str
    standardization: Standardization

    def loss_and_gradients(
        self, parameters: Parameters, images: Stored, labels: Integers | Array, sample_weight: Array | None = None
    ) -> tuple[Array, Array, Parameters]:
        """Return each image's loss and class probabilities, and the gradient of the mean loss, Σ w·E / Σ w."""

    def predict(self, parameters: Parameters, images: Stored) -> Array:
        """Return class probabilities, shape (batch, classes)."""

    def optimizer(self, recipe: RecipeLike, parameters: Parameters) -> Optimizer:
        """Create the recipe's optimizer for these parameters."""

    def prepare(
        self,
        parameters: Parameters,
        pixels: DTypeLike = np.uint8,
        *,
        predictions: bool = True,
        gradients: bool = False,
        recipe: RecipeLike | None = None,
        compiling: Compiling = lambda name, done, total: None,
    ) -> Compilation | None:
        """Compile whatever the work ahead needs and no earlier process has compiled; return None if all was ready.

        Parameters
        ----------
        parameters : Parameters
            Of the network and the precision of that work; not changed.
        pixels : dtype
            Of the images.
        predictions, gradients : bool
            Which of ``predict`` and ``loss_and_gradients`` will be called.
        recipe : RecipeLike, optional
            Of a training, which needs both of them, the optimizer, and the augmentation of its images.
        compiling : callable
            Called before each kernel with its name, the number of kernels done, and that of all that are compiled.
        """


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

    def optimizer(self, recipe: RecipeLike, parameters: Parameters) -> Optimizer:
        """See ``Engine``."""
        return optimizer.create(recipe, parameters)

    def prepare(self, *_: Any, **__: Any) -> Compilation | None:
        """See ``Engine``; there is nothing to compile."""
        return None


def create(
    name: str, standardization: Standardization, threads: int | None = None, architecture: Architecture | None = None
) -> Engine:
    """Create the engine of that name.

    Parameters
    ----------
    name : {"fused", "notes"}
    threads : int, optional
        Threads of the fused engine; by default ``fused.team.default_threads()``. The results do not depend on it.
    architecture : Architecture, optional
        The network to compute. Where it has an operation that the fused engine lacks, the notes engine is created in
        its place, with a ``HandgradWarning``, and also where Numba is missing.

    Raises
    ------
    InputError
        If there is no engine of that name, or the number of threads is out of range.

    Examples
    --------
    >>> create("notes", Standardization((0.0,), (1.0,))).name
    'notes'
    """
    check_name(name)
    if threads is not None:
        processors.check_threads("threads", threads)
    missing = fused.unsupported(architecture) if architecture and name == "fused" else None
    if missing:
        text = f"the fused engine has no {' and no '.join(sorted(missing))}; the notes engine computes instead, slower"
        warnings.warn(text, HandgradWarning, stacklevel=2)
    if name == "notes" or missing:
        return NotesEngine(standardization)
    if lack := fused.missing_compiler():
        text = "the fused engine {}; the notes engine computes instead, slower; {}".format(*lack)
        warnings.warn(text, HandgradWarning, stacklevel=2)
        return NotesEngine(standardization)
    # Imported here, since Numba takes a second to import and not every use needs it.
    from handgrad.fused.engine import FusedEngine

    return FusedEngine(standardization, threads)


def check_name(name: str) -> None:
    """Raise an InputError if no engine has that name."""
    if name not in ENGINES:
        raise InputError("engine", name, f"the engines are {', '.join(ENGINES)}", f"use {ENGINES[0]}")
