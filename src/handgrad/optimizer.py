"""Optimizers turn a gradient into a step: SGD with momentum, and AdamW, each over the one vector of parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np

from handgrad.notes import descent
from handgrad.parameters import Parameters
from handgrad.typing import Array

WIDE = 2304
"""Inputs of a dense layer up to which its weights learn at the full rate: those of the default network on 28 × 28."""

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
"""β1, β2 and ε of AdamW."""


class RecipeLike(Protocol):
    """The part of ``training.Recipe`` that an engine needs."""

    @property
    def optimizer(self) -> str:
        """``adamw`` or ``sgd``."""

    @property
    def momentum(self) -> float:
        """μ of SGD."""

    @property
    def weight_decay(self) -> float:
        """λ, on filters and weights only."""

    @property
    def augment(self) -> tuple[str, ...]:
        """How training images are changed."""


class Optimizer(Protocol):
    """Changes parameters in place, one step at a time."""

    def update(self, parameters: Parameters, gradient: Parameters, learning_rate: float) -> None:
        """Take one step."""

    def memory(self) -> dict[str, Array]:
        """Return what it remembers of earlier steps, by name: vectors as long as the parameters'."""

    def remember(self, memory: Mapping[str, Array], steps: int) -> None:
        """Resume from the memory of an optimizer that has taken that many steps."""


Step = Callable[..., None]
"""Changes the vector of parameters, and the memory, in place: ``descend``, ``adapt``, or their kernels."""


def descend(theta: Array, g: Array, v: Array, decay: Array, momentum: float, rate: float) -> None:
    """Take a step of SGD."""
    v *= momentum
    v += g + decay * theta
    theta[:] = descent.step(theta, v, rate)


def adapt(theta: Array, g: Array, m: Array, v: Array, decay: Array, scale: Array, steps: int, rate: float) -> None:
    """Take step number `steps` of AdamW."""
    m += (1 - BETA1) * (g - m)
    v += (1 - BETA2) * (g * g - v)
    unbiased_m, unbiased_v = m / (1 - BETA1**steps), v / (1 - BETA2**steps)
    direction = scale * unbiased_m / (np.sqrt(unbiased_v) + EPSILON) + decay * theta
    theta[:] = descent.step(theta, direction, rate)


class SGD:
    """Stochastic gradient descent: ``v ← μ·v + ∂E/∂θ + λ·θ``, ``θ ← θ − η·v``; N31 where μ = λ = 0.

    Parameters
    ----------
    momentum : float
        μ.
    weight_decay : float
        λ, on filters and weights only.
    step : callable
        Takes the step in place.

    Examples
    --------
    >>> from handgrad.architecture import Architecture
    >>> parameters = Parameters.zeros(Architecture())
    >>> gradient = parameters.copy()
    >>> gradient["b2"][:] = 1
    >>> SGD(parameters, momentum=0.0, weight_decay=0.0).update(parameters, gradient, 0.5)
    >>> parameters["b2"]
    array([-0.5, -0.5], dtype=float32)
    """

    def __init__(self, parameters: Parameters, *, momentum: float, weight_decay: float, step: Step = descend) -> None:
        self.momentum, self._step = momentum, step
        self.decay = weight_decay * decayed(parameters)
        self.velocity = np.zeros_like(parameters.vector)

    def update(self, parameters: Parameters, gradient: Parameters, learning_rate: float) -> None:
        """Take one step."""
        self._step(parameters.vector, gradient.vector, self.velocity, self.decay, self.momentum, learning_rate)

    def memory(self) -> dict[str, Array]:
        """Return the velocity."""
        return {"velocity": self.velocity}

    def remember(self, memory: Mapping[str, Array], steps: int) -> None:
        """Resume with this velocity."""
        self.velocity[:] = memory["velocity"]


class AdamW:
    """Adam with decoupled weight decay (Loshchilov and Hutter, ICLR 2019).

    ``m ← β1·m + (1−β1)·g``, ``v ← β2·v + (1−β2)·g²``, ``θ ← θ − η·(s·m̂ / (√v̂ + ε) + λ·θ)``, where m̂ and v̂ are m and v
    divided by 1−β1ᵗ and 1−β2ᵗ at step t, and s is 1 but for the weights of a wide layer (``rate_scale``).

    Parameters
    ----------
    weight_decay : float
        λ, on filters and weights only.
    step : callable
        Takes the step in place.

    Examples
    --------
    The first step has the size of the learning rate, whatever the gradient's:

    >>> from handgrad.architecture import Architecture
    >>> parameters = Parameters.zeros(Architecture())
    >>> gradient = parameters.copy()
    >>> gradient["b2"][:] = 1, -100
    >>> AdamW(parameters, weight_decay=0.0).update(parameters, gradient, 0.5)
    >>> parameters["b2"].round(3)
    array([-0.5,  0.5], dtype=float32)
    """

    def __init__(self, parameters: Parameters, *, weight_decay: float, step: Step = adapt) -> None:
        self._step = step
        self.decay = weight_decay * decayed(parameters)
        self.scale = rate_scale(parameters)
        self.m = np.zeros_like(parameters.vector)
        self.v = np.zeros_like(parameters.vector)
        self.steps = 0

    def update(self, parameters: Parameters, gradient: Parameters, learning_rate: float) -> None:
        """Take one step."""
        self.steps += 1
        vectors = (parameters.vector, gradient.vector, self.m, self.v, self.decay, self.scale)
        self._step(*vectors, self.steps, learning_rate)

    def memory(self) -> dict[str, Array]:
        """Return both means."""
        return {"m": self.m, "v": self.v}

    def remember(self, memory: Mapping[str, Array], steps: int) -> None:
        """Resume with these means after that many steps."""
        self.m[:], self.v[:], self.steps = memory["m"], memory["v"], steps


def create(recipe: RecipeLike, parameters: Parameters, sgd_step: Step = descend, adamw_step: Step = adapt) -> Optimizer:
    """Create the recipe's optimizer for these parameters; the steps are NumPy's unless given."""
    if recipe.optimizer == "sgd":
        return SGD(parameters, momentum=recipe.momentum, weight_decay=recipe.weight_decay, step=sgd_step)
    return AdamW(parameters, weight_decay=recipe.weight_decay, step=adamw_step)


def decayed(parameters: Parameters) -> Array:
    """Return 1 where weight decay acts (filters F, weights w) and 0 at biases and depth weights, as one vector."""
    mask = Parameters.zeros(parameters.architecture, parameters.vector.dtype)
    for name in parameters.architecture.decayed:
        mask[name][...] = 1
    return mask.vector


def rate_scale(parameters: Parameters) -> Array:
    """Return the share of the learning rate that AdamW applies to each parameter, as one vector.

    AdamW moves a weight by about η, however small its gradient. A neuron of n inputs that vary together, as the
    pooled maps of a photo do with its brightness, then moves by n times as much: on 100 × 100 images, every hidden
    neuron stayed at 0 after a few steps. So the weights of n > 2304 inputs get (2304/n)² of the rate. (Yang et al.,
    NeurIPS 2021, derive 1/n for inputs that vary independently; with it, one or two of ten neurons survived.)

    Examples
    --------
    >>> from handgrad.architecture import Architecture
    >>> parameters = Parameters.zeros(Architecture(input_shape=(100, 100, 1), stages=((4, 4),)))
    >>> scale = Parameters(parameters.architecture, rate_scale(parameters))
    >>> float(scale["F1"].min()), float(scale["w1"].min()) == (2304 / (48 * 48 * 4)) ** 2
    (1.0, True)
    """
    scale = Parameters.zeros(parameters.architecture, parameters.vector.dtype)
    scale.vector[:] = 1
    for layer in parameters.architecture.denses:
        scale[layer.w][...] = min(1, WIDE / layer.inputs) ** 2
    return scale.vector
