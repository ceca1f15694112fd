"""Correct before fast: every contestant's numbers are compared with the notes'."""

from __future__ import annotations

from typing import Any

import numpy as np

from handgrad.notes import network as notes
from tools.benchmarks.networks import Network

PROBABILITY_BOUND = 1e-5
"""Largest difference of a probability."""

LOSS_BOUND = 1e-5
"""Largest difference of the mean loss, relative to it."""

GRADIENT_BOUND = 2e-3
"""Largest difference of a parameter's gradient, relative to that gradient, both by their Euclidean norms.

The gradient is the difference of the parameters before and after a step, which loses their last bits; and a sum in
another order changes the choice of a ReLU or a maximum if two values almost tie.
"""


def disagreements(network: Network, results: dict[str, Any], *, peers: bool) -> dict[str, float]:
    """Return each difference from the notes in float32 as a fraction of its bound: below 1 is agreement.

    Parameters
    ----------
    network : Network
    results : dict
        The ``results`` of ``worker``.
    peers : bool
        Whether these are the numbers of the peers' network.
    """
    parameters = network.start(peers=peers)
    losses, probabilities, gradient = notes.loss_and_gradients(parameters, network.X, network.labels)
    fractions = {
        "probabilities": _largest(results["probabilities"] - probabilities) / PROBABILITY_BOUND,
        "one image": _largest(results["one"] - probabilities[:1]) / PROBABILITY_BOUND,
    }
    if "loss" in results:
        mean = float(losses.mean(dtype=np.float64))
        fractions["loss"] = abs(results["loss"] - mean) / mean / LOSS_BOUND
        for name, found in results["gradient"].items():
            expected = gradient[name]
            fractions[f"∂E/∂{name}"] = _norm(found - expected) / _norm(expected) / GRADIENT_BOUND
    return fractions


def _norm(array: Any) -> float:
    values = np.asarray(array, np.float64)
    return float(np.linalg.norm(values)) if np.isfinite(values).all() else float("inf")


def _largest(array: Any) -> float:
    values = np.abs(np.asarray(array, np.float64))
    # NaN is not agreement.
    return float(values.max()) if np.isfinite(values).all() else float("inf")
