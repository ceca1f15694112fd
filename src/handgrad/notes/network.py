"""The notes from top to bottom: every line in order, every tensor by its name.

``forward`` and ``backward`` return dictionaries with the same keys: ``backward(...)["T2"]`` is ∂E/∂T2, for each image
where it is a tensor of the pass, and the mean over the batch where it is a parameter. Further convolutions, stages and
hidden layers continue the numbering: T3, U4, h2'.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from handgrad.errors import InputError
from handgrad.notes import activation, convolution, dense, loss, maps, pooling
from handgrad.parameters import Parameters
from handgrad.typing import Array, Integers

Tensors = dict[str, Array]
"""Tensors by their names in the notes; the first axis is the batch, except for parameters."""


def forward(parameters: Parameters, X: Array, labels: Integers | Array) -> Tensors:
    """N1–N15: every tensor of the forward pass.

    Parameters
    ----------
    parameters : Parameters
        F1, F2, w1, b1, w2, b2, …
    X : array, shape (batch, height, width, depth)
        Images, of the parameters' dtype.
    labels : array, shape (batch,) or (batch, classes)
        The expected classes, as in ``loss.ideal``.

    Returns
    -------
    dict of str to array
        ``X, T1, H1, T2, U2, x', t1', h1', t2', z, E`` and, before a convolution with depth weights, ``S``.
        E has the shape (batch,).

    Raises
    ------
    InputError
        If the images or labels do not fit the network.

    Examples
    --------
    >>> from handgrad.architecture import Architecture
    >>> parameters = Parameters.zeros(Architecture(input_shape=(24, 24, 1), stages=((8, 1),)), "float64")
    >>> values = forward(parameters, np.ones((1, 24, 24, 1)), np.array([0]))
    >>> values["x'"].shape, values["E"]
    ((1, 100), array([0.69314718]))
    """
    values = convolutional_half(parameters, X)
    values |= dense_half(parameters, values["x'"])
    last = parameters.architecture.denses[-1]
    y = _ideal(parameters, labels, X)
    values["E"] = loss.cross_entropy(values[last.t], y)  # N15
    return values


def convolutional_half(parameters: Parameters, X: Array) -> Tensors:
    """N1–N7 and N10: from the image to x'; arguments and result as in ``forward``.

    Examples
    --------
    >>> from handgrad.architecture import Architecture
    >>> parameters = Parameters.zeros(Architecture(input_shape=(6, 6, 1)), "float64")
    >>> list(convolutional_half(parameters, np.ones((1, 6, 6, 1))))
    ['X', 'T1', 'H1', 'T2', 'U2', "x'"]
    """
    architecture = parameters.architecture
    _check_images(parameters, X)
    values: Tensors = {"X": X}
    for layer in architecture.convolutions:
        entering = values[layer.input]
        if layer.mixing_shape:
            values[layer.S] = maps.weigh_depth(entering, parameters[layer.alpha])  # N32
            values[layer.T] = maps.convolve_maps(values[layer.S], parameters[layer.F])  # N33
        else:
            values[layer.T] = convolution.convolve(entering, parameters[layer.F])  # N3, N6
        if layer.pooled_shape:
            values[layer.output] = pooling.max_pool(values[layer.T], architecture.pooling)  # N7
        else:
            values[layer.output] = activation.relu(values[layer.T])  # N5
    values["x'"] = pooling.flatten(values[layer.output])  # N10
    return values


def dense_half(parameters: Parameters, x: Array) -> Tensors:
    """N9, the classifier as drawn, alone: N11–N14 from a vector x'; result as in ``forward``, without E.

    Parameters
    ----------
    parameters : Parameters
        Of which w1, b1, w2, b2, … are used.
    x : array, shape (batch, inputs)
        Row vectors x'.

    Examples
    --------
    >>> from handgrad.architecture import Architecture
    >>> drawn = Parameters.zeros(Architecture(input_shape=(24, 24, 1), stages=((8, 1),)), "float64")
    >>> dense_half(drawn, np.ones((1, 100)))["z"]
    array([[0.5, 0.5]])
    """
    values: Tensors = {"x'": x}
    for layer in parameters.architecture.denses:
        t = values[layer.t] = dense.dense(values[layer.input], parameters[layer.w], parameters[layer.b])  # N11, N13
        values[layer.output] = loss.softmax(t) if layer.last else activation.relu(t)  # N14, N12
    return values


def backward(
    parameters: Parameters,
    values: Mapping[str, Array],
    labels: Integers | Array,
    sample_weight: Array | None = None,
) -> Tensors:
    """N17–N30 (N34, N35): the derivative of E by every tensor and every parameter.

    Parameters
    ----------
    parameters : Parameters
        The same as in the forward pass.
    values : mapping of str to array
        The result of ``forward``.
    labels : array, shape (batch,) or (batch, classes)
        The same as in the forward pass.
    sample_weight : array, shape (batch,), optional
        How much each image counts, as in ``loss.upstream``; every derivative of its E is multiplied by it.

    Returns
    -------
    dict of str to array
        ∂E/∂name by name, each with the shape of its tensor: for a tensor of the pass the derivative of its own image's
        E, for a parameter the mean over the batch.

    Examples
    --------
    >>> from handgrad.architecture import Architecture
    >>> parameters = Parameters.zeros(Architecture(input_shape=(6, 6, 1)), "float64")
    >>> values = forward(parameters, np.ones((1, 6, 6, 1)), np.array([0]))
    >>> backward(parameters, values, np.array([0]))["b2"]
    array([-0.5,  0.5])
    """
    architecture = parameters.architecture
    y = _ideal(parameters, labels, values["X"])
    gradients: Tensors = {"E": loss.upstream(sample_weight, values["E"])}
    weights = gradients["E"][:, np.newaxis]
    gradients["z"] = weights * loss.cross_entropy_backward(values["z"], y)
    for layer in reversed(architecture.denses):
        if layer.last:
            # z = S(t2'), E = CE(z)
            error: Array = weights * loss.softmax_cross_entropy_backward(values["z"], y)  # N17
        else:
            # h1' = f(t1')
            error = activation.relu_backward(gradients[layer.output], values[layer.t])  # N21
        gradients[layer.t] = error
        # t2' = h1' · w2 + b2, t1' = x' · w1 + b1
        gradients[layer.w] = dense.weight_gradient(values[layer.input], error)  # N18, N22
        gradients[layer.b] = dense.bias_gradient(error)  # N19, N22
        gradients[layer.input] = dense.input_gradient(error, parameters[layer.w])  # N20, N23
    last = architecture.convolutions[-1]
    # x' = U2
    gradients[last.output] = pooling.unflatten(gradients["x'"], values[last.output].shape[1:])  # N24
    for conv in reversed(architecture.convolutions):
        if conv.pooled_shape:
            # U2 = MP(T2)
            error = pooling.max_pool_backward(gradients[conv.output], values[conv.T], architecture.pooling)  # N25
        else:
            # H1 = f(T1)
            error = activation.relu_backward(gradients[conv.output], values[conv.T])  # N30
        gradients[conv.T] = error
        entering, F = values[conv.input], parameters[conv.F]
        if conv.mixing_shape:
            alpha = parameters[conv.alpha]
            # T = Σ_k S_k correlated with F[·,·,k,n]
            gradients[conv.F] = maps.filter_gradient(values[conv.S], error)  # N34
            gradients[conv.S] = maps.map_gradient(error, F)  # N34
            # S_k = Σ_c α[c,k] · X_c
            gradients[conv.alpha] = maps.depth_weight_gradient(entering, gradients[conv.S])  # N35
            gradients[conv.input] = maps.input_gradient(gradients[conv.S], alpha)  # N35
        else:
            # T2 = H1 @ F2, T1 = X @ F1
            gradients[conv.F] = convolution.filter_gradient(entering, error)  # N28, N30
            gradients[conv.input] = convolution.input_gradient(error, F, entering.shape[3])  # N29, N30
    return gradients


def loss_and_gradients(
    parameters: Parameters, X: Array, labels: Integers | Array, sample_weight: Array | None = None
) -> tuple[Array, Array, Parameters]:
    """Both passes, N1–N30: each image's loss and probabilities, and the gradient of the mean loss.

    Parameters
    ----------
    parameters : Parameters
    X : array, shape (batch, height, width, depth)
    labels : array, shape (batch,) or (batch, classes)
    sample_weight : array, shape (batch,), optional
        How much each image counts in the mean: Σ w·E / Σ w.

    Returns
    -------
    losses : array, shape (batch,)
        E of each image, in nats, not weighted.
    probabilities : array, shape (batch, classes)
        z of each image.
    gradient : Parameters
        The gradient of the mean loss, by name.

    Examples
    --------
    >>> from handgrad.architecture import Architecture
    >>> parameters = Parameters.zeros(Architecture(input_shape=(6, 6, 1)), "float64")
    >>> losses, probabilities, gradient = loss_and_gradients(parameters, np.ones((3, 6, 6, 1)), np.array([0, 1, 1]))
    >>> gradient["b2"].round(3)
    array([ 0.167, -0.167])
    """
    values = forward(parameters, X, labels)
    gradients = backward(parameters, values, labels, sample_weight)
    vector = np.concatenate([gradients[name].ravel() for name in parameters])
    return values["E"], values["z"], Parameters(parameters.architecture, vector)


def predict(parameters: Parameters, X: Array) -> Array:
    """N1–N14: class probabilities, shape (batch, classes), of images of shape (batch, height, width, depth).

    Examples
    --------
    >>> from handgrad.architecture import Architecture
    >>> predict(Parameters.zeros(Architecture(input_shape=(6, 6, 1)), "float64"), np.ones((1, 6, 6, 1)))
    array([[0.5, 0.5]])
    """
    return dense_half(parameters, convolutional_half(parameters, X)["x'"])["z"]


def _check_images(parameters: Parameters, X: Array) -> None:
    expected = parameters.architecture.input_shape
    if X.ndim != 4 or X.shape[1:] != expected or len(X) == 0:
        raise InputError(
            "X",
            X.shape,
            f"must have the shape (batch, {', '.join(map(str, expected))})",
            "resize or reshape the images",
        )
    if X.dtype != parameters.vector.dtype:
        raise InputError(
            "X", X.dtype, f"must be {parameters.vector.dtype} like the parameters", "convert it with .astype"
        )


def _ideal(parameters: Parameters, labels: Integers | Array, X: Array) -> Array:
    y = loss.ideal(labels, parameters.architecture.classes, X.dtype)
    if len(y) != len(X):
        raise InputError(
            "labels", f"{len(y)} labels", f"{len(X)} images need as many labels", "give one label per image"
        )
    return y
