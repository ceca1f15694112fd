"""How a network is trained: the choices, checked once."""

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
        Passes over the training part; None takes as many as make ``least_steps`` steps, at least ``least_epochs``.
    batch_size : int, optional
        Images a step; None takes 128, or 32 where there are fewer than 12,800 training images.
    optimizer : {"adamw", "sgd"}
        AdamW (Loshchilov and Hutter, ICLR 2019), or SGD with momentum; with momentum 0 and weight decay 0 the
        latter is N31.
    learning_rate : float, optional
        Highest learning rate η; None takes 0.005 for batches of 128, and for others √(batch_size / 128) times that,
        as AdamW's steps ask for (Malladi et al., NeurIPS 2022).
    schedule : {"one-cycle", "constant"}
        One cycle (Smith, 2018) rises for the first quarter of the steps and falls as a cosine to 0.
    weight_decay : float
        Pull of filters and weights towards 0, a fraction of η a step (with SGD, 1/(1 − momentum)
        times that); biases and depth weights are left alone.
    momentum : float
        Of SGD, from 0 to below 1.
    early_stopping : bool
        Keep the parameters of the epoch with the highest validation accuracy (of equal ones, the smallest loss), and
        end when no better one comes for `patience` epochs.
    patience : int
        Epochs, as scikit-learn's ``n_iter_no_change``.
    class_weight : {"balanced"}, optional
        "balanced" lets each class count alike in the training loss, however many images it has; None, each image.
    augment : tuple of {"shift", "flip", "rotate", "contrast"}
        How training images are changed, in each epoch anew; see ``augmentation.Augmentation``.

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
        """Passes over so many training images.

        Examples
        --------
        >>> Recipe(epochs=3).epochs_for(54_000), Recipe().epochs_for(54_000)
        (3, 6)
        """
        if self.epochs is not None:
            return self.epochs
        return max(self.least_epochs, -(-self.least_steps // self.batches_of(images)))

    def batches_of(self, images: int) -> int:
        """Steps of one epoch over so many images."""
        return -(-images // self.batch_size_for(images))

    def batch_size_for(self, images: int) -> int:
        """Images a step, of so many training images.

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
        """The highest learning rate, of so many training images.

        Examples
        --------
        >>> Recipe().learning_rate_for(54_000), Recipe().learning_rate_for(1_294)
        (0.005, 0.0025)
        """
        if self.learning_rate is not None:
            return self.learning_rate
        return self.rate_of_large_batches * math.sqrt(self.batch_size_for(images) / self.batch_sizes[0])

    def chosen_for(self, images: int) -> dict[str, Any]:
        """All choices as plain values, those made that depend on the number of training images."""
        return self.to_dict() | {
            "epochs": self.epochs_for(images),
            "batch_size": self.batch_size_for(images),
            "learning_rate": self.learning_rate_for(images),
        }

    def to_dict(self) -> dict[str, Any]:
        """The choices as plain values, for JSON."""
        return asdict(self)


def _number(value: object) -> float:
    """The value; NaN, which keeps no rule, for what is no number."""
    return float(value) if isinstance(value, Real) else math.nan
