"""The numbers of a trace, by the notes engine in float64."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from handgrad.errors import InputError
from handgrad.model import Model
from handgrad.notes import convolution, network, pooling
from handgrad.notes.loss import ideal
from handgrad.parameters import Parameters
from handgrad.representation import Represented
from handgrad.typing import Array, Pixels


@dataclass(frozen=True, eq=False)
class Trace(Represented):
    """Both passes over one image.

    Parameters
    ----------
    model : Model
    pixels : array of uint8, shape (height, width, depth)
    label : int
        The expected class.
    tensors : dict of str to array
        Every tensor by its name, without the batch axis: ``T1``, ``∂E/∂T1``; those of the worked examples too.
    """

    model: Model
    pixels: Pixels
    label: int
    tensors: dict[str, Array]


def trace(model: Model, pixels: Pixels, label: int) -> Trace:
    """Compute both passes over one image, every tensor in float64.

    Parameters
    ----------
    model : Model
    pixels : array of uint8, shape (height, width, depth)
        An image of the model's input shape.
    label : int
        Number of the expected class.

    Raises
    ------
    InputError
        If the pixels or the label do not fit the model.

    Examples
    --------
    >>> from handgrad.architecture import Architecture
    >>> from handgrad.standardization import Standardization
    >>> network = Parameters.zeros(Architecture(input_shape=(6, 6, 1)))
    >>> model = Model(network, ("free", "defect"), Standardization((0.0,), (1.0,)))
    >>> traced = trace(model, np.zeros((6, 6, 1), np.uint8), 1)
    >>> traced.tensors["z"], traced.tensors["∂E/∂t2'"]
    (array([0.5, 0.5]), array([ 0.5, -0.5]))
    """
    if not 0 <= label < len(model.classes):
        raise InputError("label", label, f"class numbers are 0 to {len(model.classes) - 1}", "number them from 0")
    parameters = Parameters(model.architecture, model.parameters.vector.astype(np.float64))
    X, labels = model.standardization.apply(pixels[np.newaxis], np.float64), np.array([label])
    values = network.forward(parameters, X, labels)
    gradients = network.backward(parameters, values, labels)
    tensors = {name: value[0] for name, value in values.items()}
    tensors |= {"y": ideal(labels, len(model.classes), np.dtype(np.float64))[0], **parameters}
    tensors |= {
        f"∂E/∂{name}": value if name in parameters else value[0] for name, value in gradients.items() if name != "E"
    }
    return Trace(model, pixels, label, tensors | _examples())


def _examples() -> dict[str, Array]:
    """Compute N8 and N16 with the numbers of the page, N26 and N27 with its sizes."""
    T = np.array([[0, 0, 0, 0], [0, 8, 0, 5], [0, 8, 10, 0], [0, 0, 0, 0]], np.float64)[:, :, np.newaxis]
    errors = np.array([[1.0, 2.0], [3.0, 4.0]])[:, :, np.newaxis]
    P = (np.arange(27.0) * 5 % 7 - 3).reshape(3, 3, 3)
    F = np.array([[1.0, -2.0], [3.0, 0.5]])[:, :, np.newaxis]
    return {
        "T": T,
        "U": pooling.max_pool(T[np.newaxis])[0],
        "∂E/∂U": errors,
        "∂E/∂T": pooling.max_pool_backward(errors[np.newaxis], T[np.newaxis])[0],
        "P": P,
        "F": F,
        "R": convolution.convolve(P[np.newaxis], F)[0],
        "∂R11/∂F": np.array([[convolution.response_derivative(P, 0, 0, a, b) for b in range(2)] for a in range(2)]),
    }
