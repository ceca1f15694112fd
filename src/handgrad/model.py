"""A network ready for use: its parameters, the names of its classes, and how its inputs are standardized."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field, replace
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import DTypeLike, NDArray

from handgrad import engine as engines
from handgrad.architecture import Architecture
from handgrad.engine import Engine
from handgrad.errors import HandgradWarning, InputError, NotFiniteError
from handgrad.parameters import Parameters
from handgrad.pixel_range import PIXELS, PixelRange, Ranges
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
    pixel_range : PixelRange or None
        What is black and white in the images that it was fitted on, and in those that ``predict`` takes; None if they
        are no pictures, or it is not known.
    file_ranges : dict of PixelRange
        What is black and white in files of more than 8 bits, and in arrays in files, by their kind of numbers (see
        ``pixel_range.kind_of``). It was decided on the training data. For other kinds, what is read decides.

    Raises
    ------
    InputError
        If the number of names or of channels is not the network's.
    """

    parameters: Parameters
    classes: tuple[str, ...]
    standardization: Standardization
    provenance: dict[str, Any] = field(default_factory=dict)
    pixel_range: PixelRange | None = PIXELS
    file_ranges: Ranges = field(default_factory=dict)

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

    def of_pictures(self) -> Model:
        """Return the model for pixels of 0 to 255, as picture files have: this one if it is, else one that is equal.

        Its standardization has the conversion in it, so that whatever takes pixels need not know of any other range.

        Raises
        ------
        InputError
            If it is not known what is black and white in the images that it was fitted on.

        Examples
        --------
        >>> fitted = Standardization((0.5,), (0.25,)), {}, PixelRange(0, 1)
        >>> Model(Parameters.zeros(Architecture()), ("free", "defect"), *fitted).of_pictures().standardization
        Standardization(mean=(127.5,), std=(63.75,))
        """
        if self.pixel_range == PIXELS:
            return self
        if self.pixel_range is None:
            rule = "it was fitted on numbers of which none is known to be black or white, so it cannot read pictures"
            raise InputError("model", ", ".join(self.classes[:3]), rule, "fit it with pixel_range=(black, white)")
        standardization = self.standardization.of_pixels(self.pixel_range)
        return replace(self, standardization=standardization, pixel_range=PIXELS)

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the parameters as plain values, for JSON."""
        return {
            "architecture": self.architecture.to_dict(),
            "classes": list(self.classes),
            "standardization": self.standardization.to_dict(),
            "provenance": self.provenance,
            "pixel_range": self.pixel_range and self.pixel_range.to_list(),
            "file_ranges": {kind: ends.to_list() for kind, ends in sorted(self.file_ranges.items())},
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
        images : array of uint8, float32 or float64, shape (count, height, width, channels)
            In the range that the model was fitted on, `pixel_range`; see ``of_pictures`` for pixels from 0 to 255.
        engine : Engine, optional
            By default, one of the default kind that the model keeps.
        batch_size : int
            Number of images that are predicted at a time.
        progress : callable, optional
            Called with the number of images done and their total.

        Returns
        -------
        array, shape (count, classes)

        Raises
        ------
        InputError
            If uint8 images are above white, or a result is not finite.

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
            self.check_range(batch)
            with np.errstate(over="ignore", invalid="ignore"):  # refused below
                probabilities[start : start + len(batch)] = engine.predict(self.parameters, batch)
            if progress:
                progress(start + len(batch), len(images))
        if not np.isfinite(probabilities).all():
            rule = "its probabilities are not finite: its weights, or these images, are too large"
            raise NotFiniteError("model", ", ".join(self.classes[:3]), rule, "train the model again, on scaled images")
        return probabilities

    def check_range(self, images: NDArray[Any]) -> None:
        """Refuse uint8 images that are far above white; warn of other numbers that look like those of another range."""
        doubt = self.pixel_range.doubt(images) if self.pixel_range else None
        if doubt is None:
            return
        rule = f"{doubt}, and the model was fitted on {self.pixel_range}"
        remedy = "scale the images as in fit; for pixels of 0 to 255, use model.of_pictures()"
        if images.dtype == np.uint8 and self.pixel_range and images.max() > self.pixel_range.white:
            raise InputError("images", f"uint8 of shape {images.shape}", rule, remedy)
        warnings.warn(f"images: {rule}; {remedy}", HandgradWarning, stacklevel=3)

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
