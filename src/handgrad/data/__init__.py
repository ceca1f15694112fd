"""Sources of images: folders, IDX, npz, scikit-learn's digits, OpenML; each becomes one ``Dataset``."""

from handgrad.data.dataset import SPLITS, Dataset, Samples
from handgrad.data.source import KINDS, SOURCES, Source, absolute, load, read, split_source
from handgrad.data.split import Splits

__all__ = [
    "KINDS",
    "SOURCES",
    "SPLITS",
    "Dataset",
    "Samples",
    "Source",
    "Splits",
    "absolute",
    "load",
    "read",
    "split_source",
]
