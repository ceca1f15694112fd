"""Sources of images: folders, IDX, npz, scikit-learn's digits, OpenML; each becomes one ``Dataset``."""

from handgrad.data.dataset import Dataset, Samples
from handgrad.data.source import load, read, split_source
from handgrad.data.split import Splits

__all__ = ["Dataset", "Samples", "Splits", "load", "read", "split_source"]
