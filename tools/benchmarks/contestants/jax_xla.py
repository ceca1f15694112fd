"""JAX: the whole step, or the whole prediction, as one compiled function."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from handgrad.architecture import Architecture
from tools.benchmarks.contestants.contestant import Contestant, channels_first, forms, notes_layout
from tools.benchmarks.networks import LEARNING_RATE, Network

_LAYOUTS = {"NHWC": ("NHWC", "OIHW", "NHWC"), "NCHW": ("NCHW", "OIHW", "NCHW")}


def variants(network: Network) -> tuple[str, ...]:
    """Return each form of the convolutions in both image layouts."""
    written = forms(network.start(peers=True).architecture)
    return tuple(f"JAX, {form}, {layout}" for form in written for layout in _LAYOUTS)


def build(network: Network, variant: str) -> Contestant:
    """Make the variant of that name."""
    start, layout = network.start(peers=True), variant[-4:]
    # The compiled step owns its parameters and may overwrite them.
    arrays = {name: jnp.array(array, copy=True) for name, array in channels_first(start).items()}
    X = jnp.array(network.X if layout == "NHWC" else network.X.transpose(0, 3, 1, 2))
    one, labels = X[:1].copy(), jnp.array(network.labels)
    logits = partial(_logits, start.architecture, layout, "expanded" in variant)

    def loss_of(values: Any, images: Any, expected: Any) -> Any:
        chosen = jnp.take_along_axis(jax.nn.log_softmax(logits(values, images)), expected[:, None], axis=1)
        return -chosen.mean()

    def stepped(values: Any, images: Any, expected: Any) -> Any:
        loss, gradient = jax.value_and_grad(loss_of)(values, images, expected)
        return loss, jax.tree.map(lambda value, slope: value - LEARNING_RATE * slope, values, gradient)

    take_step = jax.jit(stepped, donate_argnums=0)
    probabilities = jax.jit(lambda values, images: jax.nn.softmax(logits(values, images)))

    def step() -> Any:
        nonlocal arrays
        loss, arrays = take_step(arrays, X, labels)
        jax.block_until_ready(arrays)
        return loss

    return Contestant(
        step=step,
        predict=lambda: probabilities(arrays, X).block_until_ready(),
        predict_one=lambda: probabilities(arrays, one).block_until_ready(),
        parameters=lambda: notes_layout(
            {name: np.asarray(array) for name, array in arrays.items()}, start.architecture
        ),
    )


def _logits(architecture: Architecture, layout: str, expanded: bool, arrays: Any, images: Any) -> Any:
    x, axis = images, layout.index("C")
    for conv in architecture.convolutions:
        F, depth = arrays[conv.F], x.shape[axis]
        if F.shape[1] != depth and expanded:
            F = jnp.broadcast_to(F, (F.shape[0], depth, *F.shape[2:]))
        elif F.shape[1] != depth:
            x = x.sum(axis, keepdims=True)
        x = lax.conv_general_dilated(x, F, (1, 1), "VALID", dimension_numbers=_LAYOUTS[layout])
        x = _pooled(x, architecture.pooling, axis) if conv.pooled_shape else jax.nn.relu(x)
    x = (x.transpose(0, 3, 1, 2) if layout == "NHWC" else x).reshape(len(x), -1)
    for dense in architecture.denses:
        x = x @ arrays[dense.w].T + arrays[dense.b]
        x = x if dense.last else jax.nn.relu(x)
    return x


def _pooled(x: Any, p: int, channels: int) -> Any:
    window = tuple(1 if axis in (0, channels) else p for axis in range(4))
    return lax.reduce_window(x, -jnp.inf, lax.max, window, window, "VALID")
