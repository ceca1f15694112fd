"""A model as one C99 file without allocation, for the smallest machines."""

from handgrad.export.c.source import Accuracy, export

__all__ = ["Accuracy", "export"]
