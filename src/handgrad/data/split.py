"""The splits of a source: its own, or drawn from its training split class by class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from handgrad.data import duplicates, objects
from handgrad.data.arrays import Refusal
from handgrad.data.dataset import SPLITS, Dataset, Samples
from handgrad.data.remarks import Remarks
from handgrad.pixel_range import Ranges
from handgrad.text import csv_text

TEST_SHARE = 0.2
VALIDATION_SHARE = 0.1


@dataclass(frozen=True, eq=False)
class Splits:
    """A source as it was read, before anything is split off.

    Parameters
    ----------
    classes : tuple of str
        Name of each class number.
    train : Samples
    validation, test : Samples, optional
        None where the source has no such split.
    notices : tuple of str
        What a person should know.
    file_ranges : dict of PixelRange
        What is black and white in its files, by kinds of numbers; empty for 8-bit pictures.
    """

    classes: tuple[str, ...]
    train: Samples
    validation: Samples | None = None
    test: Samples | None = None
    notices: tuple[str, ...] = ()
    file_ranges: Ranges = field(default_factory=dict)

    @property
    def own(self) -> dict[str, Samples]:
        """The splits that the source has, by name."""
        return {split: samples for split in SPLITS if (samples := getattr(self, split)) is not None}


def complete(
    name: str, splits: Splits, seed: int, refuse: Refusal, group_by: str | None = None, strict: bool = False
) -> Dataset:
    """Make a dataset of these splits; where one is missing, draw a share of every class for it.

    The test split gets 20 % of the source, the validation split 10 % of what is then left for training. Each class
    gives at least one image to each split. With `group_by` (see ``objects.objects_of``), all images of an object go to
    one split, and the shares are kept as nearly as that allows. The notices report images that two splits share,
    objects that the source's own splits share, and what `group_by` leaves out; if strict, each of these is an error.
    """
    train, validation, test = splits.train, splits.validation, splits.test
    _check_classes(splits, ["training", *(split for split in SPLITS if split not in splits.own)], refuse)
    # One stream for both draws: a new one for each would favor the same indices.
    rng = np.random.default_rng(seed)
    remarks = Remarks(refuse, strict)
    if group_by:
        objects.check(np.concatenate([samples.identifiers for samples in splits.own.values()]), group_by, remarks)
    split_off = partial(_split_off_objects, group_by=group_by, refuse=refuse) if group_by else _split_off
    if test is None:
        train, test = split_off(train, TEST_SHARE, rng)
    if validation is None:
        train, validation = split_off(train, VALIDATION_SHARE, rng)
    dataset = Dataset(name, splits.classes, train, validation, test, splits.notices, group_by)
    for line in (duplicates.notice(dataset.splits), _shared_objects(dataset, group_by) if group_by else None):
        if line:
            remarks.doubt(line, "")
    return replace(dataset, notices=(*splits.notices, *remarks.lines), file_ranges=splits.file_ranges)


def split_csv(dataset: Dataset) -> str:
    """Return one row per image: its path in the source, or its index there; its class, its split and its object.

    Examples
    --------
    >>> from handgrad.data import load
    >>> print(split_csv(load("digits"))[:46])
    image,class,split,object
    0,0,train,
    2,2,train,
    """
    rows: list[tuple[str, str, str, str]] = []
    for split, samples in dataset.splits.items():
        names, group_by = samples.identifiers, dataset.group_by
        shown = objects.objects_of(names, group_by) if group_by else [""] * len(samples)
        classes = (dataset.classes[label] for label in samples.labels)
        rows += zip(names, classes, [split] * len(samples), shown, strict=True)
    return csv_text(("image", "class", "split", "object"), rows)


def _check_classes(splits: Splits, wanted: Sequence[str], refuse: Refusal) -> None:
    if len(splits.classes) < 2:
        found = f"only the class {splits.classes[0]!r}" if splits.classes else "no class"
        raise refuse(f"it has {found}; a classifier needs two or more", "add images of another class")
    counts = np.bincount(splits.train.labels, minlength=len(splits.classes))
    few = int(counts.argmin())
    if counts[few] < len(wanted):
        raise refuse(
            f"its class {splits.classes[few]!r} has {counts[few]} usable image{'' if counts[few] == 1 else 's'}; "
            f"at least {len(wanted)} are needed, one each for {', '.join(wanted)}",
            "add images of this class or remove it",
        )


def _split_off(samples: Samples, share: float, rng: np.random.Generator) -> tuple[Samples, Samples]:
    taken: list[NDArray[np.int64]] = []
    for label, count in enumerate(_quotas(np.bincount(samples.labels), share)):
        members = np.flatnonzero(samples.labels == label)
        taken.append(rng.permutation(members)[:count])
    chosen = np.sort(np.concatenate(taken))
    return samples.subset(np.delete(np.arange(len(samples)), chosen)), samples.subset(chosen)


def _split_off_objects(
    samples: Samples, share: float, rng: np.random.Generator, *, group_by: str, refuse: Refusal
) -> tuple[Samples, Samples]:
    # Importing scikit-learn takes a second, which no other split should cost.
    from sklearn.model_selection import StratifiedGroupKFold

    labels, shown = samples.labels, objects.objects_of(samples.identifiers, group_by)
    classes = np.unique(labels)
    fewest = min(len(np.unique(shown[labels == label])) for label in classes)
    folds = min(round(1 / share), fewest)
    best, off = None, np.inf
    if folds > 1:
        splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=int(rng.integers(2**32)))
        for rest, taken in splitter.split(labels, labels, shown):
            if all(np.isin(classes, labels[indices]).all() for indices in (rest, taken)):
                difference = np.abs(np.bincount(labels[taken]) / np.bincount(labels) - share).sum()
                if difference < off:
                    best, off = (rest, taken), difference
    if best is None:
        rule = f"its images cannot be split so that each object ({group_by}) is in one split and each class in all"
        raise refuse(rule, "add images of other objects to the class that has the fewest, or leave group_by out")
    return samples.subset(best[0]), samples.subset(best[1])


def _shared_objects(dataset: Dataset, group_by: str) -> str | None:
    found = {split: set(objects.objects_of(samples.identifiers, group_by)) for split, samples in dataset.splits.items()}
    shared = [
        f"{len(common)} of {one} and {other} ({common[0]}, …)"
        for one, other in combinations(SPLITS, 2)
        if (common := sorted(found[one] & found[other]))
    ]
    return f"the source's own splits share objects: {'; '.join(shared)}" if shared else None


def _quotas(counts: NDArray[np.int64], share: float) -> NDArray[np.int64]:
    """Return how many of each class to take: at least one, together the share, by largest remainder."""
    exact = counts * share
    taken = np.maximum(1, np.floor(exact)).astype(np.int64)
    left = max(0, round(exact.sum()) - int(taken.sum()))
    taken[np.argsort(taken - exact, kind="stable")[:left]] += 1
    return taken
