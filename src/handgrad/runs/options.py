"""Everything that decides the result of a training, as one value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from handgrad import engine as engines
from handgrad.architecture import Architecture
from handgrad.data.source import check_seed, check_size
from handgrad.errors import ArchitectureError, InputError
from handgrad.training import Recipe

_LARGE = 1_000_000
"""Side of an image that has room for any network."""

_OF_THE_DATA = ("input_shape", "classes")
_DEFAULTS: dict[str, Any] = {
    size.name: size.default for size in fields(Architecture) if size.name not in _OF_THE_DATA
} | {"hidden": (64,)}


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """The options of a training: equal options give the same model, bit for bit.

    Parameters
    ----------
    source : str
        Where the images come from; see ``data.load``.
    network : mapping
        Sizes of the network, by the names of ``Architecture``'s parameters without ``input_shape`` and ``classes``,
        which the data decide. Those left out have Architecture's defaults, but ``hidden`` is (64,).
    recipe : Recipe
        How to train.
    seed : int
        Draws the split, the initial values, the order of the images and their augmentation.
    engine : {"fused", "notes"}
        Name of the engine.
    size, strict, group_by
        How to read the source; see ``data.load``.
    workers : int, optional
        Processes of a cluster that share each batch; None trains in this process.

    Raises
    ------
    InputError
        If a value breaks its rule.

    Examples
    --------
    >>> options = TrainingOptions(source="digits", network={"stages": ((8, 8),)}, recipe=Recipe(epochs=3))
    >>> options.architecture((8, 8, 1), 10).parameter_count
    2906
    >>> TrainingOptions.from_dict(options.to_dict()) == options
    True
    """

    source: str
    network: Mapping[str, Any] = field(default_factory=dict)
    recipe: Recipe = field(default_factory=Recipe)
    seed: int = 0
    engine: engines.EngineName = engines.ENGINES[0]
    size: tuple[int, int] | None = None
    strict: bool = False
    group_by: str | None = None
    workers: int | None = None

    def __post_init__(self) -> None:
        if isinstance(self.size, list):
            object.__setattr__(self, "size", tuple(self.size))
        unknown = self.network.keys() - _DEFAULTS.keys()
        if unknown:
            raise InputError("network", sorted(unknown), f"its sizes are {', '.join(_DEFAULTS)}", "correct them")
        # Checked on an image with room for anything; the data's own images may be too small.
        checked = Architecture(input_shape=(_LARGE, _LARGE, 1), **_DEFAULTS | dict(self.network))
        object.__setattr__(self, "network", {name: getattr(checked, name) for name in _DEFAULTS})
        check_seed(self.seed)
        object.__setattr__(self, "seed", int(self.seed))
        check_size(self.size)
        engines.check_name(self.engine)
        for name, value, kinds in (
            ("source", self.source, str),
            ("recipe", self.recipe, Recipe),
            ("strict", self.strict, bool),
            ("group_by", self.group_by, str | None),
        ):
            if not isinstance(value, kinds):
                raise InputError(name, value, f"must be {getattr(kinds, '__name__', kinds)}", "correct it")
        if self.workers is not None and (type(self.workers) is not int or self.workers < 1):
            raise InputError("workers", self.workers, "must be an integer of at least 1", "try 2")

    def architecture(self, image_shape: tuple[int, int, int], classes: int) -> Architecture:
        """Return the network for images of this shape and this many classes."""
        try:
            return Architecture(input_shape=image_shape, classes=classes, **self.network)
        except ArchitectureError as error:
            if error.argument != "input_shape":
                raise
            # Nobody gave the shape: it is that of the images, or the size that they were resized to.
            if self.size:
                raise ArchitectureError("size", self.size, error.rule, error.remedy) from None
            rule = f"its images are {' × '.join(map(str, image_shape))}: {error.rule}"
            raise ArchitectureError("source", self.source, rule, f"{error.remedy}; choose a size") from None

    def reading(self) -> dict[str, Any]:
        """Return the arguments of ``data.load`` that decide what is read."""
        return {name: getattr(self, name) for name in ("source", "seed", "size", "strict", "group_by")}

    def to_dict(self) -> dict[str, Any]:
        """Return the options as plain values, for JSON; ``TrainingOptions.from_dict`` reads them."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TrainingOptions:
        """Return the options of ``to_dict``'s values, which may have been JSON; raise an InputError for any others."""
        try:
            return cls(**{**values, "recipe": Recipe(**values["recipe"])})
        except (TypeError, KeyError, AttributeError) as error:
            known = ", ".join(option.name for option in fields(cls))
            raise InputError("options", sorted(values), f"their names are {known} ({error})", "correct them") from None
