"""The sizes of a network, checked once, and the names and shapes that follow from them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import chain, pairwise
from types import MappingProxyType
from typing import Any, Literal, Self

import numpy as np

from handgrad.errors import ArchitectureError
from handgrad.representation import Represented

_PRIME = r"\text{′}"
"""Beside the index, where a superscript would stand above it."""

_MOST = 1_000_000
"""Filters of a convolution, neurons of a layer, or classes; nobody's memory holds more."""

_MOST_PARAMETERS = 2**32


class Name(str):
    r"""The notes' name of a tensor: a string that also has its LaTeX form, in braces where it has an index.

    Examples
    --------
    >>> name = Name.indexed("t", 1, prime="'")
    >>> name, name.latex
    ("t1'", '{t_{1}\\text{′}}')
    """

    latex: str

    def __new__(cls, text: str, latex: str | None = None) -> Self:
        """Attach the LaTeX form to the string."""
        name = super().__new__(cls, text)
        name.latex = text if latex is None else latex
        return name

    @classmethod
    def indexed(cls, letter: str, index: int, prime: str = "", latex: str | None = None) -> Self:
        """Return the name of a letter with its index."""
        return cls(f"{letter}{index}{prime}", f"{{{latex or letter}_{{{index}}}{_PRIME if prime else ''}}}")


IMAGE, VECTOR = Name("X"), Name("x'", f"{{x{_PRIME}}}")
"""The image, and the vector that enters the first dense layer (N10)."""


@dataclass(frozen=True)
class _Indexed:
    """The name of a layer's tensor: a letter with the layer's index."""

    letter: str
    prime: str = ""
    latex: str | None = None

    def __get__(self, layer: Any, owner: type) -> Name:
        return Name.indexed(self.letter, layer.index, self.prime, self.latex)


@dataclass(frozen=True, slots=True)
class Convolution:
    """Shapes of convolution number `index`, N3 for the first and N6 for every later one.

    Its tensors are named as in the notes: ``T1 = X @ F1``, then ``H1 = f(T1)``, or ``U2 = MP(T2)`` at a stage's end.
    """

    index: int
    input: Name
    input_shape: tuple[int, int, int]
    filter_shape: tuple[int, ...]
    mixing_shape: tuple[int, int] | None
    shape: tuple[int, int, int]
    pooled_shape: tuple[int, int, int] | None

    @property
    def input_kind(self) -> Literal["image", "relu", "pooling"]:
        """The operation that made its input."""
        kinds: dict[str, Literal["image", "relu", "pooling"]] = {"X": "image", "H": "relu", "U": "pooling"}
        return kinds[self.input[0]]

    F = _Indexed("F")
    """Name of the filters."""
    alpha = _Indexed("alpha", latex=r"\alpha")
    """Name of the mixing weights α (N32)."""
    S = _Indexed("S")
    """Name of the weighted maps (N32)."""
    T = _Indexed("T")
    """Name of the result."""

    @property
    def output(self) -> Name:
        """Name of the layer's output: H after a ReLU, U after pooling."""
        return Name.indexed("U" if self.pooled_shape else "H", self.index)


@dataclass(frozen=True, slots=True)
class Dense:
    """Shapes of dense layer number `index`: N11 and N12, or N13 and N14 for the last."""

    index: int
    inputs: int
    outputs: int
    last: bool

    w = _Indexed("w")
    """Name of the weights."""
    b = _Indexed("b")
    """Name of the biases."""
    t = _Indexed("t", prime="'")
    """Name of the result, before the ReLU or the softmax."""

    @property
    def input(self) -> Name:
        """Name of the layer's input."""
        return VECTOR if self.index == 1 else Name.indexed("h", self.index - 1, prime="'")

    @property
    def output(self) -> Name:
        """Name of the layer's output."""
        return Name("z") if self.last else Name.indexed("h", self.index, prime="'")


@dataclass(frozen=True, kw_only=True)
class Architecture(Represented):
    """Sizes of a network: stages of convolutions that each end in max pooling, then dense layers.

    The default is the notes' network as N9 draws it: an image of 100 × 100, one stage of two convolutions with 3 × 3
    filters, 2 × 2 pooling, ten hidden neurons, two classes.

    Parameters
    ----------
    input_shape : tuple of int
        (height, width, channels) of an image.
    classes : int
        Number of classes, at least 2.
    stages : tuple of tuple of int
        Number of filters of each convolution, stage by stage.
    filter_size : tuple of int
        (height, width) of every filter.
    pooling : int
        Side and stride of the pooling windows; 1 pools nothing.
    hidden : tuple of int
        Sizes of the hidden dense layers; may be empty.
    maps : int, optional
        K of N32: the weighted maps that a convolution reads, at most as many as its input has channels. None, the
        default, is the notes' plain sum over the channels.

    Raises
    ------
    ArchitectureError
        If a size is not a positive integer, or the image is too small for its stages.

    Examples
    --------
    >>> mnist = Architecture(input_shape=(28, 28, 1), classes=10, stages=((16, 16),), hidden=(64,))
    >>> mnist.parameter_shapes["w1"], mnist.parameter_count
    ((2304, 64), 148458)
    >>> Architecture(input_shape=(5, 28, 1), stages=((16, 16),))
    Traceback (most recent call last):
        ...
    handgrad.errors.ArchitectureError: input_shape=(5, 28, 1): at N7, U2 = MP(T2), 1 × 24 is left for a window of \
2 × 2; the smallest image that works is 6 × 6
    """

    input_shape: tuple[int, int, int] = (100, 100, 1)
    classes: int = 2
    stages: tuple[tuple[int, ...], ...] = ((16, 16),)
    filter_size: tuple[int, int] = (3, 3)
    pooling: int = 2
    hidden: tuple[int, ...] = (10,)
    maps: int | None = None

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            object.__setattr__(self, name, _plain(getattr(self, name)))
        self._check_counts()
        _ = self.convolutions

    def _check_counts(self) -> None:
        for name, value, length, fitting in (
            ("input_shape", self.input_shape, 3, "(28, 28, 1)"),
            ("filter_size", self.filter_size, 2, "(3, 3)"),
            ("hidden", self.hidden, None, "(64,)"),
        ):
            if not _positive(value) or length not in (None, len(value)):
                count = f"{length} " if length else ""
                raise ArchitectureError(name, value, f"must be {count}positive integers", f"try {fitting}")
        if not _staged(self.stages):
            rule = "each stage is one or more positive numbers of filters"
            raise ArchitectureError("stages", self.stages, rule, "try ((16, 16),)")
        for name, number, least in (("classes", self.classes, 2), ("pooling", self.pooling, 1)):
            if not _positive((number,)) or number < least:
                raise ArchitectureError(name, number, f"must be an integer of at least {least}", "try 2")
        if self.maps is not None and not _positive((self.maps,)):
            remedy = "try 4, or leave it out for the plain sum"
            raise ArchitectureError("maps", self.maps, "must be a positive integer", remedy)
        for name, numbers in (("stages", chain(*self.stages)), ("hidden", self.hidden), ("classes", (self.classes,))):
            if max(numbers, default=0) > _MOST:
                rule = f"has a number above {_MOST:,}, the most that a layer can have"
                raise ArchitectureError(name, getattr(self, name), rule, "choose smaller ones")

    @cached_property
    def convolutions(self) -> tuple[Convolution, ...]:
        """Every convolution with its shapes, in order."""
        layers: list[Convolution] = []
        name, (height, width, channels) = IMAGE, self.input_shape
        for stage in self.stages:
            for position, count in enumerate(stage, start=1):
                index = len(layers) + 1
                k1, k2 = self.filter_size
                self._check_room((height, width), (k1, k2), f"N{3 if index == 1 else 6}, T{index} = {name} @ F{index}")
                # A single channel needs no weights: it is its own sum.
                K = None if self.maps is None or channels == 1 else min(self.maps, channels)
                shape = (height - k1 + 1, width - k2 + 1, count)
                pooled = None
                if position == len(stage):
                    p = self.pooling
                    self._check_room(shape[:2], (p, p), f"N7, U{index} = MP(T{index})")
                    pooled = (shape[0] // p, shape[1] // p, count)
                layer = Convolution(
                    index=index,
                    input=name,
                    input_shape=(height, width, channels),
                    filter_shape=(k1, k2, count) if K is None else (k1, k2, K, count),
                    mixing_shape=None if K is None else (channels, K),
                    shape=shape,
                    pooled_shape=pooled,
                )
                layers.append(layer)
                name, (height, width, channels) = layer.output, pooled or shape
        return tuple(layers)

    def _check_room(self, room: tuple[int, int], window: tuple[int, int], line: str) -> None:
        if room[0] < window[0] or room[1] < window[1]:
            rule = f"at {line}, {room[0]} × {room[1]} is left for a window of {window[0]} × {window[1]}"
            remedy = "the smallest image that works is {} × {}".format(*self.smallest_image)
            at_fault = self._too_large()
            if at_fault != "input_shape":
                rule = f"on images of {self.input_shape[0]} × {self.input_shape[1]}, {rule}"
            raise ArchitectureError(at_fault, getattr(self, at_fault), rule, remedy)

    def _too_large(self) -> str:
        """Return the size without which, at its default, the image would have room for the stages."""
        sizes = {name: getattr(self, name) for name in ("filter_size", "pooling", "stages")}
        for name in sizes:
            height, width = _smallest(**sizes | {name: self.__dataclass_fields__[name].default})
            if height <= self.input_shape[0] and width <= self.input_shape[1]:
                return name
        return "input_shape"

    @property
    def smallest_image(self) -> tuple[int, int]:
        """(height, width) of the smallest image that these stages accept."""
        return _smallest(self.stages, self.filter_size, self.pooling)

    @property
    def flat(self) -> int:
        """Length of x' (N10)."""
        return math.prod(self.convolutions[-1].pooled_shape or ())

    @cached_property
    def denses(self) -> tuple[Dense, ...]:
        """Every dense layer with its shapes, in order."""
        sizes = (self.flat, *self.hidden, self.classes)
        last = len(sizes) - 1
        return tuple(Dense(index, *pair, last=index == last) for index, pair in enumerate(pairwise(sizes), start=1))

    @cached_property
    def parameter_shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Shape of each parameter by its name in the notes, in the order of the forward pass; read-only."""
        shapes: dict[str, tuple[int, ...]] = {}
        for layer in self.convolutions:
            if layer.mixing_shape:
                shapes[layer.alpha] = layer.mixing_shape
            shapes[layer.F] = layer.filter_shape
        for dense in self.denses:
            shapes[dense.w] = (dense.inputs, dense.outputs)
            shapes[dense.b] = (dense.outputs,)
        if (count := sum(map(math.prod, shapes.values()))) > _MOST_PARAMETERS:
            name = "hidden" if self.hidden else "stages"
            rule = f"the network has {count:,} parameters; {_MOST_PARAMETERS:,} are the most"
            raise ArchitectureError(name, getattr(self, name), rule, "choose smaller sizes, or add a stage")
        return MappingProxyType(shapes)

    @cached_property
    def decayed(self) -> frozenset[str]:
        """Names of the parameters that weight decay applies to: filters and dense weights."""
        return frozenset([*(layer.F for layer in self.convolutions), *(dense.w for dense in self.denses)])

    @cached_property
    def parameter_count(self) -> int:
        """Number of learned parameters."""
        return sum(math.prod(shape) for shape in self.parameter_shapes.values())

    def __getstate__(self) -> dict[str, Any]:
        # Only the sizes: the cached views of the derived shapes cannot be pickled.
        return self.to_dict()

    def __setstate__(self, sizes: dict[str, Any]) -> None:
        # Validated like any other.
        Architecture.__init__(self, **sizes)

    def to_dict(self) -> dict[str, Any]:
        """Return the sizes as plain values for JSON; ``from_dict`` reads them."""
        return asdict(self)

    @classmethod
    def from_dict(cls, sizes: dict[str, Any]) -> Architecture:
        """Create an architecture from the values of ``to_dict``."""
        try:
            return cls(**sizes)
        except TypeError:
            known = ", ".join(cls.__dataclass_fields__)
            raise ArchitectureError("architecture", sorted(sizes), f"its keys are {known}", "correct them") from None


def _smallest(stages: tuple[tuple[int, ...], ...], filter_size: tuple[int, int], pooling: int) -> tuple[int, int]:
    height = width = 1
    for stage in reversed(stages):
        height = height * pooling + len(stage) * (filter_size[0] - 1)
        width = width * pooling + len(stage) * (filter_size[1] - 1)
    return height, width


def _positive(values: object) -> bool:
    return isinstance(values, tuple) and all(type(value) is int and value > 0 for value in values)


def _staged(stages: object) -> bool:
    return isinstance(stages, tuple) and len(stages) > 0 and all(stage and _positive(stage) for stage in stages)


def _plain(value: Any) -> Any:
    """Return lists as tuples and NumPy integers as Python's, so that equal sizes compare equal and can be hashed."""
    if isinstance(value, list | tuple):
        return tuple(_plain(item) for item in value)
    return int(value) if isinstance(value, np.integer) else value
