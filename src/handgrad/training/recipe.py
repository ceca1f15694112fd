"""How a network is trained: the choices, validated once."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from numbers import Real
from typing import Any, ClassVar, Literal, TypeAlias, get_args

import numpy as np

from handgrad.errors import InputError
from handgrad.training.augmentation import AugmentationName

OptimizerName: TypeAlias = Literal["adamw", "sgd"]
ScheduleName: TypeAlias = Literal["one-cycle", "constant"]
ClassWeight: TypeAlias = Literal["balanced"]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """The choices of a training; the defaults were chosen on validation data (docs/recipe.md).

    Parameters
    ----------
    epochs : int, optional
        Passes over the training split; None takes enough for ``least_steps`` steps, and at least ``least_epochs``.
    batch_size : int, optional
        None takes 128, or 32 for fewer than 12,800 training images.
    optimizer : {"adamw", "sgd"}
        AdamW (Loshchilov and Hutter, ICLR 2019), or SGD with momentum; with momentum 0 and weight decay 0 the
        latter is N31.
    learning_rate : float, optional
        Highest learning rate η; None takes 0.005 for batches of 128, and √(batch_size / 128) times that for others,
        which suits AdamW (Malladi et al., NeurIPS 2022).
    schedule : {"one-cycle", "constant"}
        One cycle (Smith, 2018) rises for the first quarter of the steps and falls to 0 as a cosine.
    weight_decay : float
        Pull of filters and weights toward 0, a fraction of η per step (with SGD, 1/(1 − momentum) times that); it does
        not act on biases and depth weights.
    momentum : float
        Momentum of SGD, from 0 to below 1.
    early_stopping : bool
        Keep the parameters of the epoch with the highest validation accuracy (and, among those, the smallest loss), and
        stop when no better one comes for `patience` epochs.
    patience : int
        In epochs; scikit-learn's ``n_iter_no_change``.
    class_weight : {"balanced"}, optional
        "balanced" gives every class the same weight in the training loss, however many images it has; None gives it to
        every image.
    augment : tuple of {"shift", "flip", "rotate", "contrast"}
        How training images are changed in every epoch; see ``augmentation.Augmentation``.

    Raises
    ------
    InputError
        If a value breaks its rule.

    Examples
    --------
    >>> Recipe(learning_rate=-1)
    Traceback (most recent call last):
        ...
    handgrad.errors.InputError: learning_rate=-1: must be a positive number; try 0.001
    """

    least_steps: ClassVar[int] = 2400
    least_epochs: ClassVar[int] = 4
    batch_sizes: ClassVar[tuple[int, int]] = (128, 32)
    rate_of_large_batches: ClassVar[float] = 0.005
    most: ClassVar[int] = 1_000_000_000

    epochs: int | None = None
    batch_size: int | None = None
    optimizer: OptimizerName = "adamw"
    learning_rate: float | None = None
    schedule: ScheduleName = "one-cycle"
    weight_decay: float = 0.1
    momentum: float = 0.9
    early_stopping: bool = False
    patience: int = 10
    class_weight: ClassWeight | None = None
    augment: tuple[AugmentationName, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "augment", tuple(self.augment))
        for name, value in vars(self).items():
            if isinstance(value, np.generic):
                object.__setattr__(self, name, value.item())
        for name, number in (("epochs", self.epochs), ("batch_size", self.batch_size), ("patience", self.patience)):
            if (number is not None or name == "patience") and (type(number) is not int or number < 1):
                raise InputError(name, number, "must be an integer of at least 1", "try 1 or more")
            if number is not None and number > self.most:
                raise InputError(name, number, f"must be at most {self.most:,}", "choose a smaller one")
        if self.learning_rate is not None and not 0 < _number(self.learning_rate) < math.inf:
            raise InputError("learning_rate", self.learning_rate, "must be a positive number", "try 0.001")
        if not 0 <= _number(self.weight_decay) < math.inf:
            raise InputError("weight_decay", self.weight_decay, "must be 0 or more", "try 0.01")
        if not 0 <= _number(self.momentum) < 1:
            raise InputError("momentum", self.momentum, "must be from 0 to below 1", "try 0.9")
        for name, values, known in (
            ("optimizer", (self.optimizer,), get_args(OptimizerName)),
            ("schedule", (self.schedule,), get_args(ScheduleName)),
            ("class_weight", () if self.class_weight is None else (self.class_weight,), get_args(ClassWeight)),
            ("augment", self.augment, get_args(AugmentationName)),
        ):
            for value in values:
                if value not in known:
                    raise InputError(name, value, f"must be one of {', '.join(known)}", f"try {known[0]}")

    def epochs_for(self, images: int) -> int:
        """Return the number of epochs for a number of training images.

        Examples
        --------
        >>> Recipe(epochs=3).epochs_for(54_000), Recipe().epochs_for(54_000)
        (3, 6)
        """
        if self.epochs is not None:
            return self.epochs
        return max(self.least_epochs, -(-self.least_steps // self.batches_of(images)))

    def batches_of(self, images: int) -> int:
        """Return the steps per epoch for a number of training images."""
        return -(-images // self.batch_size_for(images))

    def batch_size_for(self, images: int) -> int:
        """Return the batch size for a number of training images.

        Examples
        --------
        >>> Recipe().batch_size_for(54_000), Recipe().batch_size_for(1_294)
        (128, 32)
        """
        if self.batch_size is not None:
            return self.batch_size
        large, small = self.batch_sizes
        return large if images >= 100 * large else small

    def learning_rate_for(self, images: int) -> float:
        """Return the highest learning rate for a number of training images.

        Examples
        --------
        >>> Recipe().learning_rate_for(54_000), Recipe().learning_rate_for(1_294)
        (0.005, 0.0025)
        """
        if self.learning_rate is not None:
            return self.learning_rate
        return self.rate_of_large_batches * math.sqrt(self.batch_size_for(images) / self.batch_sizes[0])

    def chosen_for(self, images: int) -> dict[str, Any]:
        """Return all choices as plain values, with those that depend on the number of training images filled in."""
        return self.to_dict() | {
            "epochs": self.epochs_for(images),
            "batch_size": self.batch_size_for(images),
            "learning_rate": self.learning_rate_for(images),
        }

    def to_dict(self) -> dict[str, Any]:
        """Return the choices as plain values, for JSON."""
        return asdict(self)


def _number(value: object) -> float:
    """Return the value as a float; NaN, which breaks every rule, if it is not a number."""
    return float(value) if isinstance(value, Real) else math.nan
