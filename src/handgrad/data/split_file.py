"""Which image is in which part, as a table."""

from __future__ import annotations

import csv
import io

from handgrad.data.dataset import Dataset
from handgrad.data.objects import objects_of
from handgrad.data.split import SPLITS


def split_csv(dataset: Dataset) -> str:
    """One row an image: its path within the source, or its place there; its class, its part, and its object.

    Examples
    --------
    >>> from handgrad.data import load
    >>> print(split_csv(load("digits"))[:45])
    image,class,split,object
    0,0,train,
    2,2,train,
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("image", "class", "split", "object"))
    for part in SPLITS:
        samples = getattr(dataset, part)
        names = [str(place) for place in range(len(samples))] if samples.names is None else samples.names
        objects = objects_of(names, dataset.group_by) if dataset.group_by else [""] * len(samples)
        classes = (dataset.classes[label] for label in samples.labels)
        writer.writerows(zip(names, classes, [part] * len(samples), objects, strict=True))
    return text.getvalue()
