"""The optimizers' steps as kernels, on the threads of the fused engine."""

from __future__ import annotations

from handgrad.fused.optimizer import kernels, share
from handgrad.fused.team import Team
from handgrad.parameters import Parameters
from handgrad.training import optimizer as plain
from handgrad.training.recipe import Recipe


class SGD(plain.SGD):
    """As ``optimizer.SGD``, on the threads of a team.

    Parameters
    ----------
    parameters : Parameters
        What will be changed; gives the sizes.
    momentum, weight_decay : float
    team : Team
    """

    def __init__(self, parameters: Parameters, *, momentum: float, weight_decay: float, team: Team) -> None:
        super().__init__(parameters, momentum=momentum, weight_decay=weight_decay)
        self.team = team

    def update(self, parameters: Parameters, gradient: Parameters, learning_rate: float) -> None:
        """Take one step."""
        theta = parameters.vector
        number = theta.dtype.type
        kernel = kernels(theta.dtype.name)["descend"]
        vectors = (theta, gradient.vector, self.velocity, self.decay)
        share(self.team, kernel, vectors, (number(self.momentum), number(learning_rate)))


class AdamW(plain.AdamW):
    """As ``optimizer.AdamW``, on the threads of a team.

    Parameters
    ----------
    parameters : Parameters
        What will be changed; gives the sizes.
    weight_decay : float
    team : Team
    """

    def __init__(self, parameters: Parameters, *, weight_decay: float, team: Team) -> None:
        super().__init__(parameters, weight_decay=weight_decay)
        self.team = team

    def update(self, parameters: Parameters, gradient: Parameters, learning_rate: float) -> None:
        """Take one step."""
        theta = parameters.vector
        number = theta.dtype.type
        self.steps += 1
        scales = (1 / (1 - self.beta1**self.steps), 1 / (1 - self.beta2**self.steps))
        numbers = (self.beta1, self.beta2, *scales, self.epsilon, learning_rate)
        vectors = (theta, gradient.vector, self.m, self.v, self.decay, self.scale)
        share(self.team, kernels(theta.dtype.name)["adapt"], vectors, tuple(map(number, numbers)))


def create(recipe: Recipe, parameters: Parameters, team: Team) -> plain.Optimizer:
    """The recipe's optimizer for these parameters."""
    decay = recipe.weight_decay
    if recipe.optimizer == "sgd":
        return SGD(parameters, momentum=recipe.momentum, weight_decay=decay, team=team)
    return AdamW(parameters, weight_decay=decay, team=team)
