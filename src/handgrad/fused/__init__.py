"""The fused engine: the notes' numbers from kernels that never hold T1, H1 or T2."""

from __future__ import annotations

import sysconfig

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


def missing_compiler() -> tuple[str, str] | None:
    """Return what is missing where there is no Numba, and the remedy; None where there is.

    >>> missing_compiler()
    """
    try:
        import numba  # noqa: F401
    except (ImportError, OSError) as error:  # without it; or with libraries that do not load
        musl = "musl" in str(sysconfig.get_config_var("HOST_GNU_TYPE"))
        reason = "which has no packages for musl (Alpine)" if musl else f"which cannot be imported ({error})"
        remedy = "use a system with glibc, such as the image python:3.13-slim" if musl else "pip install numba"
        return f"needs Numba, {reason}", remedy
    return None
