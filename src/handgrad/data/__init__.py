"""Sources of images: folders, IDX, npz, scikit-learn's digits, OpenML; each becomes one ``Dataset``."""

from handgrad.data.dataset import Dataset, Samples
from handgrad.data.source import load, read, split_parts
from handgrad.data.split import Parts

__all__ = ["Dataset", "Parts", "Samples", "load", "read", "split_parts"]
