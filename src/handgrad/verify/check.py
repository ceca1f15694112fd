"""The claims of a network, compared with finite differences."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np

from handgrad.architecture import Architecture
from handgrad.notes import network
from handgrad.parameters import Parameters
from handgrad.typing import Array
from handgrad.verify import lines
from handgrad.verify.difference import TOLERANCE, Claim, compare

BothPasses: TypeAlias = Callable[[Parameters, Array, Array], tuple[Array, Array, Parameters]]
"""An engine: from (parameters, X, ideal outputs) to (losses, probabilities, gradient of the mean loss)."""


@dataclass(frozen=True, slots=True)
class LineCheck:
    """The verdict on one derivative.

    Parameters
    ----------
    number : str
        The line, "N17"; "N17–N30" for the whole pass.
    derivative : str
        What was checked, "∂E/∂t2'".
    formula : str
        The line, as on the page.
    error : float
        Worst relative error.
    coordinates : int
        How many numbers were compared; 0 if all of them are on a kink.
    zero : bool
        Whether every number of the derivative is 0, as behind neurons that respond to nothing.
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
    """Draw two small networks with images in which every line occurs: the notes' own, and one with maps."""
    plain = Architecture(input_shape=(13, 11, 3), classes=3, hidden=(6,), stages=((5, 4),))
    return [
        (Parameters.draw(each, rng, np.float64), rng.standard_normal((2, *each.input_shape)))
        for each in (plain, replace(plain, input_shape=(11, 13, 3), maps=2))
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
        Draws cotangents, ideal outputs and coordinates.

    Yields
    ------
    LineCheck
        One for each derivative, in the order of the notes; then those of the whole pass.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> all(line.verdict == "pass" for network in networks_of_the_notes(rng) for line in check(*network, rng))
    True
    """
    parameters, X, y = _prepared(parameters, X, rng)
    values = network.forward(parameters, X, y)
    gradients = network.backward(parameters, values, y)
    gradients = {name: gradients[name] for name in (*parameters, "X")}
    claims = [*lines.examples(rng), *lines.lines(parameters, values, y, rng)]
    claims.sort(key=lambda claim: int(claim.number.removeprefix("N")))
    for claim in [*claims, *lines.passes(parameters, X, y, gradients, lambda values: values["E"])]:
        yield _compared(claim, rng)


def check_engine(
    compute: BothPasses, parameters: Parameters, X: Array, rng: np.random.Generator
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
        E, image by image, against the notes' own; then ∂E/∂F1 and so on against finite differences of the engine's E.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> network_and_images = networks_of_the_notes(rng)[0]
    >>> [line.derivative for line in check_engine(network.loss_and_gradients, *network_and_images, rng)]
    ['E', '∂E/∂F1', '∂E/∂F2', '∂E/∂w1', '∂E/∂b1', '∂E/∂w2', '∂E/∂b2']
    """
    parameters, X, y = _prepared(parameters, X, rng)
    expected = network.forward(parameters, X, y)["E"]
    losses, _, gradient = compute(parameters, X, y)
    error = np.max(np.abs(losses - expected) / np.abs(expected))
    yield LineCheck("N1–N15", "E", "as in the notes", float(error), len(X))
    for claim in lines.passes(parameters, X, y, gradient, lambda _: compute(parameters, X, y)[0]):
        yield _compared(claim, rng)


def _prepared(parameters: Parameters, X: Array, rng: np.random.Generator) -> tuple[Parameters, Array, Array]:
    """Return both in float64, and soft ideal outputs, so that E stays near 1 and its differences exact."""
    y = rng.dirichlet(np.ones(parameters.architecture.classes), len(X))
    return parameters.astype(np.float64), X.astype(np.float64), y


def _compared(claim: Claim, rng: np.random.Generator) -> LineCheck:
    error, coordinates = compare(claim, rng)
    return LineCheck(claim.number, claim.derivative, claim.formula, error, coordinates, not claim.analytic.any())
