"""The fused engine: the notes' numbers from kernels that never hold T1, H1 or T2."""

from __future__ import annotations

from handgrad.architecture import Architecture
from handgrad.graph import operations_of

OPERATIONS = frozenset(
    {
        *("weigh_depth", "convolve", "convolve_maps", "relu", "pool", "flatten", "dense", "softmax", "cross_entropy"),
        *("cross_entropy_back", "softmax_cross_entropy_back", "outer", "same", "dense_back", "relu_back", "unflatten"),
        *("pool_back", "filter_gradient", "input_gradient", "filter_gradient_maps", "map_gradient"),
        *("depth_weight_gradient", "weigh_back", "step"),
    }
)
"""The operations of a network's graph that the kernels compute."""


def unsupported(architecture: Architecture) -> frozenset[str]:
    """Return the operations of a network that the kernels lack.

    >>> unsupported(Architecture(maps=2))
    frozenset()
    """
    return operations_of(architecture) - OPERATIONS
