"""The three parts of a source: its own where it has them, else drawn from its training part class by class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from handgrad.data import duplicates, objects
from handgrad.data.arrays import Refusal
from handgrad.data.dataset import Dataset, Samples
from handgrad.data.objects import objects_of

SPLITS = ("train", "validation", "test")
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
        None where the source has no such part.
    notices : tuple of str
        What a person should know.
    """

    classes: tuple[str, ...]
    train: Samples
    validation: Samples | None = None
    test: Samples | None = None
    notices: tuple[str, ...] = ()


def complete(name: str, parts: Splits, seed: int, refuse: Refusal, group_by: str | None = None) -> Dataset:
    """The dataset of these parts: where a part is missing, a share of every class is drawn for it.

    A test part is 20 % of the source; a validation part is 10 % of what is then left for training. Each class gives
    at least one image to each part.

    Parameters
    ----------
    name : str
        Name of the dataset.
    parts : Splits
    seed : int
        Same seed, same split.
    refuse : callable
        Makes the error from a rule and a remedy.
    group_by : str, optional
        Tells the object of each image, as in ``objects.objects_of``: all images of an object come into one part, and
        the shares are kept as nearly as that allows.

    Returns
    -------
    Dataset
        Images that two parts share, and objects that the source's own parts share, are told in its notices.

    Raises
    ------
    DataError
        If there are fewer than two classes, or a class has too few images or objects.
    InputError
        If `group_by` tells no object.

    Examples
    --------
    >>> from functools import partial
    >>> from handgrad.errors import DataError
    >>> samples = Samples(np.zeros((100, 8, 8, 1), np.uint8), np.arange(100) % 2)
    >>> dataset = complete("zeros", Splits(("0", "1"), samples), 0, partial(DataError, "source", "zeros"))
    >>> len(dataset.train), len(dataset.validation), len(dataset.test)
    (72, 8, 20)
    """
    missing = [part for part in ("validation", "test") if getattr(parts, part) is None]
    _check_classes(parts, ["training", *missing], refuse)
    train, validation, test = parts.train, parts.validation, parts.test
    # One stream for the whole split: a new one for each draw would favour the same places every time.
    rng = np.random.default_rng(seed)
    if group_by:
        objects.check(_named(train), group_by)
    split_off = partial(_split_off_objects, group_by=group_by, refuse=refuse) if group_by else _split_off
    if test is None:
        train, test = split_off(train, TEST_SHARE, rng)
    if validation is None:
        train, validation = split_off(train, VALIDATION_SHARE, rng)
    whole = dict(zip(SPLITS, (train, validation, test), strict=True))
    told = (duplicates.told(whole), _shared_objects(whole, group_by) if group_by else None)
    notices = (*parts.notices, *(line for line in told if line))
    return Dataset(name, parts.classes, train, validation, test, notices, group_by)


def _check_classes(parts: Splits, wanted: Sequence[str], refuse: Refusal) -> None:
    if len(parts.classes) < 2:
        found = f"only the class {parts.classes[0]!r}" if parts.classes else "no class"
        raise refuse(f"it has {found}; a classifier needs two or more", "add images of another class")
    counts = np.bincount(parts.train.labels, minlength=len(parts.classes))
    few = int(counts.argmin())
    if counts[few] < len(wanted):
        raise refuse(
            f"its class {parts.classes[few]!r} has {counts[few]} usable image{'' if counts[few] == 1 else 's'}; "
            f"at least {len(wanted)} are needed, one each for {', '.join(wanted)}",
            "add images of this class or remove it",
        )


def _split_off(samples: Samples, share: float, rng: np.random.Generator) -> tuple[Samples, Samples]:
    taken: list[NDArray[np.int64]] = []
    for label, count in enumerate(_quotas(np.bincount(samples.labels), share)):
        members = np.flatnonzero(samples.labels == label)
        taken.append(rng.permutation(members)[:count])
    chosen = np.sort(np.concatenate(taken))
    return samples.part(np.delete(np.arange(len(samples)), chosen)), samples.part(chosen)


def _split_off_objects(
    samples: Samples, share: float, rng: np.random.Generator, *, group_by: str, refuse: Refusal
) -> tuple[Samples, Samples]:
    # Loading scikit-learn takes a second, which no other split should cost.
    from sklearn.model_selection import StratifiedGroupKFold

    labels, shown = samples.labels, objects_of(_named(samples), group_by)
    classes = np.unique(labels)
    fewest = min(len(np.unique(shown[labels == label])) for label in classes)
    folds = min(round(1 / share), fewest)
    best, off = None, np.inf
    if folds > 1:
        splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=int(rng.integers(2**32)))
        for rest, taken in splitter.split(labels, labels, shown):
            if all(np.isin(classes, labels[places]).all() for places in (rest, taken)):
                difference = np.abs(np.bincount(labels[taken]) / np.bincount(labels) - share).sum()
                if difference < off:
                    best, off = (rest, taken), difference
    if best is None:
        raise refuse(
            f"its images cannot be split so that each object ({group_by}) is in one part and each class in all parts",
            "add images of other objects to the class that has the fewest, or leave --group-by out",
        )
    return samples.part(best[0]), samples.part(best[1])


def _shared_objects(parts: dict[str, Samples], group_by: str) -> str | None:
    found = {part: set(objects_of(_named(samples), group_by)) for part, samples in parts.items()}
    shared = [
        (one, other, common) for one, other in combinations(SPLITS, 2) if (common := sorted(found[one] & found[other]))
    ]
    if not shared:
        return None
    told = "; ".join(f"{len(common)} of {one} and {other} ({common[0]}, …)" for one, other, common in shared)
    return f"the source's own parts share objects: {told}"


def _named(samples: Samples) -> NDArray[np.object_]:
    return np.array([str(place) for place in range(len(samples))], object) if samples.names is None else samples.names


def _quotas(counts: NDArray[np.int64], share: float) -> NDArray[np.int64]:
    """How many of each class to take: at least one, together the share, by largest remainder."""
    exact = counts * share
    taken = np.maximum(1, np.floor(exact)).astype(np.int64)
    left = max(0, round(exact.sum()) - int(taken.sum()))
    taken[np.argsort(taken - exact, kind="stable")[:left]] += 1
    return taken
