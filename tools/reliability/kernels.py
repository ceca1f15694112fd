"""Kernels for filters and pooling windows of every size: how long they compile, and what they compute."""

from __future__ import annotations

import time
import timeit
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numba.core import config

from handgrad.architecture import Architecture
from handgrad.fused import network as fused
from handgrad.fused.network import Network
from handgrad.fused.team import Team
from handgrad.notes import network as notes
from handgrad.parameters import Parameters
from tools.reliability.trial import Outcome

SECTION = "Kernels and exports"
TITLE = (
    "Drawn networks with filters up to 11 × 11 and pooling up to 16: kernels compile within 30 seconds of an idle "
    "processor; losses, probabilities and gradients are the notes' but for rounding, the same bits for 1 and 3 threads"
)
FOUND = (
    "Pooling by 4 took 55 s to compile, by 6 85 s, by 8 over four minutes, 7 × 7 filters with mixing weights 87 s: "
    "loops over a filter's and a window's cells were written out whatever their number. Above a stated size they are "
    "loops now. The tables of the pooling's backward pass grew with the fourth power of the window's side; from 257 "
    "on, the winner's place overflowed."
)

SIZES = (
    {"filter_size": (11, 11), "pooling": 1},
    {"filter_size": (7, 7), "pooling": 2, "maps": 3},
    {"filter_size": (3, 3), "pooling": 4, "maps": 2},
    {"filter_size": (2, 5), "pooling": 7},
    {"filter_size": (3, 3), "pooling": 16},
    {"filter_size": (1, 1), "pooling": 9, "maps": 1},
)
NETWORKS = 10
_LIMIT, _ROUNDING = 30.0, 3e-5


def trial(folder: Path) -> Outcome:
    """Compile kernels of each size, and compute several networks with them."""
    config.CACHE_DIR = str(folder)  # type: ignore[attr-defined]
    fused.ENOUGH = 0
    held, slowest = 0, 0.0
    for number, sizes in enumerate(SIZES):
        rng = np.random.default_rng((15, number))
        networks = [_drawn(rng, sizes) for _ in range(NETWORKS)]
        seconds = _seconds_to_compile(networks[0])
        slowest = max(slowest, seconds)
        agree = sum(_agrees(architecture, rng) for architecture in networks)
        print(sizes, f"{seconds:.0f} s, {agree} of {NETWORKS} agree", flush=True)
        held += agree if seconds <= _LIMIT else 0
    return Outcome(len(SIZES) * NETWORKS, held, f"at most {slowest:.0f} s for the kernels of a training")


def _drawn(rng: np.random.Generator, sizes: dict[str, Any]) -> Architecture:
    stage = tuple(map(int, rng.integers(1, 7, rng.integers(1, 3))))
    wanted: dict[str, Any] = {
        **sizes,
        "classes": int(rng.integers(2, 5)),
        "stages": (stage,),
        "hidden": tuple(map(int, rng.integers(1, 8, rng.integers(0, 2)))),
    }
    height, width = Architecture(input_shape=(2**10, 2**10, 1), **wanted).smallest_image
    shape = (height + int(rng.integers(0, 9)), width + int(rng.integers(0, 9)), int(rng.integers(2, 5)))
    return Architecture(input_shape=shape, **wanted)


def _seconds_to_compile(architecture: Architecture) -> float:
    """Return the seconds of an idle processor: others slow this one down as much as they slow a loop in between."""
    loop = timeit.Timer("for i in range(100_000): i * i")
    idle = min(loop.repeat(50, 1))
    started, before = time.process_time(), loop.timeit(3) / 3
    network = Network(architecture, "float32", None, Team(1))
    network.prepare(predictions=True, gradients=True)
    seconds = time.process_time() - started
    return seconds * idle / max(idle, (before + loop.timeit(3) / 3) / 2)


def _agrees(architecture: Architecture, rng: np.random.Generator) -> bool:
    parameters = Parameters.draw(architecture, rng)
    batch = int(rng.integers(1, 20))
    X = rng.normal(size=(batch, *architecture.input_shape)).astype("float32")
    labels = rng.integers(0, architecture.classes, batch)
    exact = parameters.astype("float64")
    losses, z, gradient = notes.loss_and_gradients(exact, X.astype("float64"), labels)
    results = []
    for threads in (1, 3):
        network = Network(architecture, "float32", None, Team(threads))
        found = network.loss_and_gradients(parameters, X, labels)
        results.append((found[0], found[1], found[2].vector, network.predict(parameters, X)))
    if any(one.tobytes() != other.tobytes() for one, other in zip(*results, strict=True)):
        warnings.warn("threads change the result", stacklevel=2)
        return False
    wanted = (losses, z, gradient.vector, z)
    return all(
        float(np.abs(one - other).max()) <= _ROUNDING * max(float(np.abs(other).max()), 0.1)
        for one, other in zip(results[0], wanted, strict=True)
    )
