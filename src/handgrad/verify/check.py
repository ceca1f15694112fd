"""All claims about a network, checked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from handgrad.architecture import Architecture
from handgrad.notes import network
from handgrad.notes.lines import LINES
from handgrad.parameters import Parameters
from handgrad.typing import Array
from handgrad.verify import lines
from handgrad.verify.difference import TOLERANCE, Claim, compare


@dataclass(frozen=True, slots=True)
class LineCheck:
    """The result of checking one derivative.

    Parameters
    ----------
    number : str
        The line, "N17"; "N17–N30" for the whole pass.
    derivative : str
        What was checked, "∂E/∂t2'".
    formula : str
        The line as text.
    error : float
        Largest relative error.
    coordinates : int
        Numbers compared; 0 if all of them were on a kink.
    zero : bool
        Whether every number of the derivative is 0, as behind neurons that are silent for every image.
    """

    number: str
    derivative: str
    formula: str
    error: float
    coordinates: int
    zero: bool = False

    @property
    def verdict(self) -> Literal["pass", "fail", "kink"]:
        """Whether the error is within ``TOLERANCE``; "kink" if there was no derivative to compare with."""
        if self.coordinates == 0 and self.error == 0:
            return "kink"
        return "pass" if self.error <= TOLERANCE else "fail"


def networks_of_the_notes(rng: np.random.Generator) -> list[tuple[Parameters, Array]]:
    """Draw two small networks with images, so that every line occurs: the notes' own network, and one with maps."""
    sizes = {"classes": 3, "hidden": (6,), "stages": ((5, 4),)}
    architectures = (
        Architecture(input_shape=(13, 11, 3), **sizes),  # type: ignore[arg-type]
        Architecture(input_shape=(11, 13, 3), **sizes, maps=2),  # type: ignore[arg-type]
    )
    return [
        (Parameters.draw(architecture, rng, np.float64), rng.standard_normal((2, *architecture.input_shape)))
        for architecture in architectures
    ]


def check(parameters: Parameters, X: Array, rng: np.random.Generator) -> Iterator[LineCheck]:
    """Check every backward line on a network and its images.

    Parameters
    ----------
    parameters : Parameters
        Any precision; the check runs in float64.
    X : array, shape (batch, height, width, depth)
        Images, standardized.
    rng : numpy.random.Generator
        Source of cotangents, ideal outputs and coordinates.

    Yields
    ------
    LineCheck
        One for each derivative, in the order of the notes.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> all(line.verdict == "pass" for network in networks_of_the_notes(rng) for line in check(*network, rng))
    True
    """
    parameters, X, y = _prepared(parameters, X, rng)
    values = network.forward(parameters, X, y)
    numbers = [line.number for line in LINES]
    claims = [*lines.examples(rng), *lines.lines(parameters, values, y, rng)]
    claims.sort(key=lambda claim: numbers.index(claim.number))
    for claim in (*claims, *lines.passes(parameters, values, y)):
        yield _compared(claim, rng)


def check_engine(
    compute: lines.BothPasses, parameters: Parameters, X: Array, rng: np.random.Generator
) -> Iterator[LineCheck]:
    """Check another engine on a network and its images: its losses, then its gradient of each parameter.

    Parameters
    ----------
    compute : callable
        From (parameters, X, ideal outputs), in float64, to what ``notes.network.loss_and_gradients`` returns.
    parameters, X, rng
        As in ``check``.

    Yields
    ------
    LineCheck
        E of each image against that of the notes; then ∂E/∂F1 and so on against finite differences of the engine's E.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> network_and_images = networks_of_the_notes(rng)[0]
    >>> [line.derivative for line in check_engine(network.loss_and_gradients, *network_and_images, rng)]
    ['E', '∂E/∂F1', '∂E/∂F2', '∂E/∂w1', '∂E/∂b1', '∂E/∂w2', '∂E/∂b2']
    """
    parameters, X, y = _prepared(parameters, X, rng)
    expected = network.forward(parameters, X, y)["E"]
    error = np.max(np.abs(compute(parameters, X, y)[0] - expected) / np.abs(expected))
    yield LineCheck("N1–N15", "E", "as in the notes", float(error), len(X))
    for claim in lines.engine_passes(compute, parameters, X, y):
        yield _compared(claim, rng)


def _prepared(parameters: Parameters, X: Array, rng: np.random.Generator) -> tuple[Parameters, Array, Array]:
    """Return both in float64, and soft ideal outputs: E stays near 1 and its differences exact for any network."""
    y = rng.dirichlet(np.ones(parameters.architecture.classes), len(X))
    return parameters.astype(np.float64), X.astype(np.float64), y


def _compared(claim: Claim, rng: np.random.Generator) -> LineCheck:
    error, coordinates = compare(claim, rng)
    return LineCheck(claim.number, claim.derivative, claim.formula, error, coordinates, not claim.analytic.any())
