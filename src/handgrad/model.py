"""A network ready for use: its parameters, the names of its classes, and how its inputs are standardized."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import DTypeLike

from handgrad import engine as engines
from handgrad.architecture import Architecture
from handgrad.engine import Engine
from handgrad.errors import InputError
from handgrad.parameters import Parameters
from handgrad.provenance import plain
from handgrad.representation import Represented
from handgrad.standardization import Standardization
from handgrad.typing import Array, Images, Progress


@dataclass(frozen=True, eq=False)
class Model(Represented):
    """Parameters, with everything that a prediction needs.

    Parameters
    ----------
    parameters : Parameters
    classes : tuple of str
        Name of each class number.
    standardization : Standardization
        The training set's mean and std.
    provenance : dict
        Where the model comes from, as plain values: command, data, seed, recipe, versions. What JSON has no form for
        becomes a text.

    Raises
    ------
    InputError
        If the number of names or of channels is not the network's.
    """

    parameters: Parameters
    classes: tuple[str, ...]
    standardization: Standardization
    provenance: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.classes) != self.architecture.classes or len(set(self.classes)) != len(self.classes):
            rule = f"the network needs {self.architecture.classes} different names"
            raise InputError("classes", self.classes, rule, "name each class")
        object.__setattr__(self, "provenance", plain(self.provenance))
        channels = self.architecture.input_shape[2]
        if len(self.standardization.mean) != channels:
            rule = f"the network's input has {channels} channels"
            raise InputError("standardization", self.standardization.mean, rule, "give one mean and std for each")

    @classmethod
    def initial(
        cls,
        architecture: Architecture,
        classes: tuple[str, ...],
        standardization: Standardization,
        seed: int,
        dtype: DTypeLike = np.float32,
    ) -> Model:
        """Return a model with the initial parameters that a seed draws.

        Examples
        --------
        >>> model = Model.initial(Architecture(), ("free", "defect"), Standardization((0.0,), (1.0,)), seed=0)
        >>> model.parameters["F1"].shape
        (3, 3, 16)
        """
        (stream,) = np.random.SeedSequence(seed).spawn(1)
        parameters = Parameters.draw(architecture, np.random.default_rng(stream), dtype)
        return cls(parameters, classes, standardization)

    @property
    def architecture(self) -> Architecture:
        """The sizes of the network."""
        return self.parameters.architecture

    def to_dict(self) -> dict[str, Any]:
        """Return the architecture, classes, standardization and provenance as plain values, for JSON."""
        return {
            "architecture": self.architecture.to_dict(),
            "classes": list(self.classes),
            "standardization": self.standardization.to_dict(),
            "provenance": self.provenance,
        }

    def predict(
        self,
        images: Images,
        engine: Engine | None = None,
        batch_size: int = 256,
        progress: Progress | None = None,
    ) -> Array:
        """Predict the class probabilities of any number of images, a batch at a time.

        Parameters
        ----------
        images : array of uint8, shape (count, height, width, channels)
        engine : Engine, optional
            By default, one of the default kind that the model keeps.
        batch_size : int
            Number of images that are predicted at a time.
        progress : callable, optional
            Called with the number of images done and their total.

        Returns
        -------
        array, shape (count, classes)

        Examples
        --------
        >>> network = Parameters.zeros(Architecture(input_shape=(6, 6, 1)))
        >>> model = Model(network, ("free", "defect"), Standardization((0.0,), (1.0,)))
        >>> model.predict(np.zeros((3, 6, 6, 1), np.uint8)).shape
        (3, 2)
        """
        engine = engine or self._default_engine()
        self.check_engine(engine)
        probabilities = np.empty((len(images), len(self.classes)), self.parameters.vector.dtype)
        for start in range(0, len(images), batch_size):
            batch = images[start : start + batch_size]
            probabilities[start : start + len(batch)] = engine.predict(self.parameters, batch)
            if progress:
                progress(start + len(batch), len(images))
        return probabilities

    def check_engine(self, engine: Engine) -> None:
        """Raise an InputError if an engine's standardization is not the model's."""
        if engine.standardization != self.standardization:
            rule = f"the model's inputs are standardized with {self.standardization}"
            raise InputError("engine", engine.standardization, rule, "create the engine with the model's own")

    def _default_engine(self) -> Engine:
        if self not in _DEFAULT_ENGINES:
            _DEFAULT_ENGINES[self] = engines.create(
                engines.ENGINES[0], self.standardization, architecture=self.architecture
            )
        return _DEFAULT_ENGINES[self]


_DEFAULT_ENGINES: WeakKeyDictionary[Model, Engine] = WeakKeyDictionary()
"""Threads and buffers that a model's predictions share; not in the model itself, which can be copied and pickled."""
