"""The multiply-adds that no implementation of a training step can avoid."""

from __future__ import annotations

import math

from handgrad.architecture import Architecture, Convolution


def multiply_adds(architecture: Architecture) -> int:
    """Count the multiply-adds of a training step on one image.

    A convolution of k1 × k2 filters: forward ``k1·k2·K·N`` at every position of its result (N3), with K maps (N32; else
    one, N2); for its filter gradient (N28) and, except in the first, its input gradient (N29) the same at every
    position where the gradient may be nonzero: one under each pooling window (N25), else everywhere. Depth weights:
    ``depth · K`` at every position of the input, forward and for each gradient. Dense layers: ``inputs · outputs``
    three times (N11, N22, N23).

    Examples
    --------
    >>> from tools.benchmarks.networks import NETWORKS
    >>> [f"{multiply_adds(NETWORKS[name].architecture) / 1e6:.2f}" for name in "AB"]
    ['0.76', '5.86']
    """
    convolutions = sum(_convolution(conv) for conv in architecture.convolutions)
    return convolutions + 3 * sum(dense.inputs * dense.outputs for dense in architecture.denses)


def _convolution(conv: Convolution) -> int:
    # (k1, k2, filters), or (k1, k2, maps, filters)
    each = math.prod(conv.filter_shape)
    forward = each * math.prod(conv.shape[:2])
    backward = each * math.prod((conv.pooled_shape or conv.shape)[:2])
    weighing = 0
    if conv.mixing_shape:
        weighing = math.prod(conv.mixing_shape) * math.prod(conv.input_shape[:2])
    first = conv.index == 1
    return forward + backward * (1 if first else 2) + weighing * (2 if first else 3)
