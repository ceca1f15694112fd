"""Sources of images: folders, IDX, npz, scikit-learn's digits, OpenML; each becomes one ``Dataset``."""

from handgrad.data.dataset import Dataset, Samples
from handgrad.data.source import load, read, split_parts

__all__ = ["Dataset", "Samples", "load", "read", "split_parts"]
