"""What a person should know before relying on a model's figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

from handgrad.percent import percent
from handgrad.report.metrics import Metrics

_WIDE = 0.1
"""An interval is wide if it is wider than this."""
_FEW = 10
"""Images of a class that are too few to say much of it."""
_GAP = 0.05
"""More than this between training and validation is a model that learned its images by heart."""
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Caution:
    """One thing to know: a word for programs, and a sentence for people."""

    kind: str
    text: str

    def to_dict(self) -> dict[str, str]:
        """The caution as plain values, for JSON."""
        return asdict(self)


def of_figures(metrics: Metrics) -> Iterator[Caution]:
    """What the figures themselves warn of.

    Parameters
    ----------
    metrics : Metrics

    Yields
    ------
    Caution
        ``no better than one class``, ``never predicted``, ``absent class``, ``few images of a class``,
        ``wide interval``.

    Examples
    --------
    >>> import numpy as np
    >>> from handgrad.report.metrics import measure
    >>> metrics = measure(np.array([[0.9, 0.1], [0.8, 0.2]]), np.array([0, 1]), ("free", "defect"))
    >>> [caution.kind for caution in of_figures(metrics)]
    ['no better than one class', 'never predicted', 'few images of a class', 'wide interval']
    """
    most = max(metrics.classes, key=lambda row: row.images)
    baseline = most.images / metrics.images
    low, high = metrics.accuracy_interval
    if low <= baseline:
        yield Caution(
            "no better than one class",
            f"To say “{most.name}” whatever the picture would be right on {percent(baseline, 1)}, which the accuracy "
            f"of {percent(metrics.accuracy, 1)} does not clearly exceed. The balanced accuracy says more.",
        )
    if never := [row.name for row in metrics.classes if not row.predicted and row.images]:
        yield Caution("never predicted", f"{_classes(never)} never predicted, though there are pictures of it.")
    if absent := [row.name for row in metrics.classes if not row.images]:
        yield Caution(
            "absent class",
            f"{_classes(absent)} absent from these pictures: nothing is known of how well it is recognized.",
        )
    if few := [row.name for row in metrics.classes if 0 < row.images < _FEW]:
        yield Caution(
            "few images of a class", f"{_classes(few)} here with fewer than {_FEW} pictures: its figures say little."
        )
    if high - low > _WIDE:
        yield Caution(
            "wide interval",
            f"With {metrics.images} pictures, the accuracy may as well be {percent(low, 1)} or {percent(high, 1)}: "
            "more test pictures would tell.",
        )


def of_gap(training: float, validation: float) -> Iterator[Caution]:
    """Whether far more of the training images are right than of the validation images: kind ``gap``.

    Examples
    --------
    >>> [caution.kind for caution in of_gap(1.0, 0.8)]
    ['gap']
    """
    if training - validation > _GAP:
        yield Caution(
            "gap",
            f"{percent(training, 1)} of the training pictures are right and {percent(validation, 1)} of the validation "
            "pictures: much of what it has learned holds for its training pictures alone. More of them would help.",
        )


def of_duplicates(shared: Mapping[tuple[str, str], int]) -> Iterator[Caution]:
    """What it means that parts share pictures: kind ``duplicates``.

    Parameters
    ----------
    shared : mapping of (str, str) to int
        How many pictures a part shares with one before it, by their names.

    Examples
    --------
    >>> print(next(of_duplicates({("test", "training"): 1})).text)
    1 test picture is also, pixel by pixel, in the training part: it tests memory, not understanding.
    """
    for (part, before), count in shared.items():
        several = count > 1
        yield Caution(
            "duplicates",
            f"{count:,} {part} picture{'s are' if several else ' is'} also, pixel by pixel, in the {before} part: "
            f"{'they test' if several else 'it tests'} memory, not understanding.",
        )


def _classes(names: list[str]) -> str:
    shown = ", ".join(f"“{name}”" for name in names[:_NAMED])
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"Class {shown} is" if len(names) == 1 else f"{len(names)} classes, {shown}{more}, are"
