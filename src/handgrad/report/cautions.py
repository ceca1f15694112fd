"""What to know before relying on a model's figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from handgrad.percent import percent
from handgrad.report.metrics import Metrics

_WIDE = 0.1
"""A wider interval is called wide."""
_FEW = 10
"""A class with fewer images has few."""
_GAP = 0.05
"""A larger gap between training and validation accuracy means that a model overfits."""
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Caution:
    """One thing to know: its kind for programs, and a sentence for people."""

    kind: str
    text: str


def of_figures(metrics: Metrics) -> Iterator[Caution]:
    """Yield what the figures themselves warn of."""
    most = max(metrics.classes, key=lambda row: row.images)
    baseline = most.images / metrics.images
    low, high = metrics.accuracy_interval
    if low <= baseline:
        yield Caution(
            "no better than one class",
            f"Always predicting “{most.name}” would be correct for {percent(baseline, 1)} of the pictures, which the "
            f"accuracy of {percent(metrics.accuracy, 1)} does not clearly exceed. The balanced accuracy says more.",
        )
    if never := [row.name for row in metrics.classes if not row.predicted and row.images]:
        yield Caution("never predicted", f"{_classes(never)} never predicted, although there are pictures of it.")
    if absent := [row.name for row in metrics.classes if not row.images]:
        text = f"{_classes(absent)} absent from these pictures: nothing is known about how well it is recognized."
        yield Caution("absent class", text)
    if few := [row.name for row in metrics.classes if 0 < row.images < _FEW]:
        text = f"{_classes(few)} represented by fewer than {_FEW} pictures: its figures say little."
        yield Caution("few images of a class", text)
    if high - low > _WIDE:
        yield Caution(
            "wide interval",
            f"With {metrics.images} pictures, the accuracy could just as well be {percent(low, 1)} or "
            f"{percent(high, 1)}: more test pictures would narrow this down.",
        )


def of_gap(training: float, validation: float) -> Iterator[Caution]:
    """Warn if training accuracy is far above validation accuracy."""
    if training - validation > _GAP:
        yield Caution(
            "gap",
            f"The accuracy is {percent(training, 1)} on the training pictures and {percent(validation, 1)} on the "
            "validation pictures: the model overfits. More training pictures would help.",
        )


def of_duplicates(shared: Mapping[tuple[str, str], int]) -> Iterator[Caution]:
    """Warn of images that a split shares with an earlier one: their number, by the names of both splits.

    >>> print(next(of_duplicates({("test", "training"): 1})).text)
    1 test picture is also in the training split, pixel by pixel: it tests memory, not understanding.
    """
    for (split, earlier), count in shared.items():
        subject, verb = ("pictures are", "they test") if count > 1 else ("picture is", "it tests")
        where = f"{count:,} {split} {subject} also in the {earlier} split, pixel by pixel"
        yield Caution("duplicates", f"{where}: {verb} memory, not understanding.")


def _classes(names: list[str]) -> str:
    shown = ", ".join(f"“{name}”" for name in names[:_NAMED])
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"Class {shown} is" if len(names) == 1 else f"{len(names)} classes, {shown}{more}, are"
