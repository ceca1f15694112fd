"""Which image is in which split, as a table."""

from __future__ import annotations

import csv
import io

from handgrad.data.dataset import Dataset
from handgrad.data.objects import objects_of


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
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("image", "class", "split", "object"))
    for split, samples in dataset.splits.items():
        names = samples.identifiers
        objects = objects_of(names, dataset.group_by) if dataset.group_by else [""] * len(samples)
        classes = (dataset.classes[label] for label in samples.labels)
        writer.writerows(zip(names, classes, [split] * len(samples), objects, strict=True))
    return text.getvalue()
