"""All parameters of a network: one flat vector, with a named view of each."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from handgrad.architecture import Architecture
from handgrad.errors import InputError
from handgrad.typing import Array

_MOMENTS = {"image": (1.0, 1 / 2), "relu": (1 / 2, 1 / (2 * math.pi)), "pooling": (1.0, 1 / 8)}
"""Mean square of a convolution's input, and mean product of two of its channels, by what made the input."""


class Parameters(Mapping[str, Array]):
    """The parameters of a network, or their gradient: one vector, and views of it by name.

    Parameters
    ----------
    architecture : Architecture
        Sets the names, shapes and order.
    vector : array, shape (architecture.parameter_count,)
        float32 or float64. It is not copied unless it is read-only, so writing to a view writes to it.

    Examples
    --------
    >>> parameters = Parameters.zeros(Architecture(), "float32")
    >>> parameters["b2"][:] = 1
    >>> parameters.vector[-3:]
    array([0., 1., 1.], dtype=float32)
    >>> list(parameters)
    ['F1', 'F2', 'w1', 'b1', 'w2', 'b2']
    """

    def __init__(self, architecture: Architecture, vector: Array) -> None:
        if vector.dtype not in (np.float32, np.float64):
            remedy = "convert it with .astype(np.float32)"
            raise InputError("vector", vector.dtype, "must be float32 or float64", remedy)
        if vector.shape != (architecture.parameter_count,):
            rule = f"this architecture has {architecture.parameter_count} parameters"
            raise InputError("vector", vector.shape, rule, "use the vector of the same architecture")
        self.architecture = architecture
        # joblib maps pickled arrays into memory read-only.
        self.vector = vector if vector.flags.writeable else vector.copy()
        self._views, start = {}, 0
        for name, shape in architecture.parameter_shapes.items():
            stop = start + math.prod(shape)
            self._views[name] = self.vector[start:stop].reshape(shape)
            start = stop

    @classmethod
    def zeros(cls, architecture: Architecture, dtype: DTypeLike = np.float32) -> Parameters:
        """Create parameters that are all zero."""
        return cls(architecture, np.zeros(architecture.parameter_count, dtype))

    @classmethod
    def draw(cls, architecture: Architecture, rng: np.random.Generator, dtype: DTypeLike = np.float32) -> Parameters:
        """Draw parameters so that every layer's output starts at about the same scale (He et al., ICCV 2015).

        A convolution correlates with the *sum* of its z input channels (N2), or with sums whose signs s are balanced
        (N32). If each channel has the mean square q and two of them the mean product r, that sum has the mean square
        ``z·q + ((Σ s)² − z)·r``. ReLUs of T of variance 1 have q = 1/2 and r = 1/2π, from their means. The channels of
        a standardized image have q = 1, and r = 1/2 is halfway between independent and equal; a pooled T has q of about
        1, and r of up to 1/8 on photos.

        Examples
        --------
        >>> parameters = Parameters.draw(Architecture(), np.random.default_rng(0))
        >>> bool(abs(parameters["w1"].std() - (2 / parameters["w1"].shape[0]) ** 0.5) < 1e-3)
        True
        """
        parameters = cls.zeros(architecture, dtype)
        for layer in architecture.convolutions:
            channels = sign_sum = layer.input_shape[2]
            if layer.mixing_shape:
                parameters[layer.alpha][:] = _balanced_signs(layer.mixing_shape, rng)
                sign_sum = channels % 2
            square, product = _MOMENTS[layer.input_kind]
            mean_square = channels * square + (sign_sum**2 - channels) * product
            std = (math.prod(layer.filter_shape[:-1]) * mean_square) ** -0.5
            parameters[layer.F][:] = rng.normal(0, std, layer.filter_shape)
        for dense in architecture.denses:
            parameters[dense.w][:] = rng.normal(0, (2 / dense.inputs) ** 0.5, (dense.inputs, dense.outputs))
        return parameters

    def astype(self, dtype: DTypeLike) -> Parameters:
        """Return a copy of another precision."""
        return Parameters(self.architecture, self.vector.astype(dtype))

    def copy(self) -> Parameters:
        """Return a copy that shares no memory."""
        return Parameters(self.architecture, self.vector.copy())

    # Mapping would compare the arrays as if they were numbers.
    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def __repr__(self) -> str:
        shapes = ", ".join(f"{name} {view.shape}" for name, view in self.items())
        return f"Parameters({self.vector.dtype}: {shapes})"

    def __getitem__(self, name: str) -> Array:
        return self._views[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._views)

    def __len__(self) -> int:
        return len(self._views)

    def __reduce__(self) -> tuple[Any, ...]:
        return Parameters, (self.architecture, self.vector)


def _balanced_signs(shape: tuple[int, int], rng: np.random.Generator) -> Array:
    """Draw ±1, as many of each sign in a column as its length allows."""
    channels, sums = shape
    signs = np.where(np.arange(channels) % 2 == 0, 1.0, -1.0)
    return np.stack([rng.permutation(signs) for _ in range(sums)], axis=1)
