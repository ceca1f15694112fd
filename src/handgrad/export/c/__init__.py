"""The network as C: one file without allocation, for the smallest of machines."""

from handgrad.export.c.source import c_source, prefix_of

__all__ = ["c_source", "prefix_of"]
