"""Sizes that a kernel's source names and ``unrolled`` fills in; here they have the notes' values."""

k1: int = 3
"""Height of a filter."""

k2: int = 3
"""Width of a filter."""

p: int = 2
"""Side of a pooling window."""

keep: int = 1
"""1 where the backward pass follows: ReLU's bits and the pooling's winners are kept."""

weighted: int = 0
"""1 where depth weights make the maps that are convolved (N32)."""

lanes: int = 16
"""Numbers of a vector."""

across: int = 4
"""Numbers of a row of the patch under a pooling window: p + k2 − 1, up to the next power of two."""

patch: int = 16
"""Numbers of a vector of such rows."""

parts: int = 1
"""Vectors of such a patch."""

group: int = 4
"""Filters that share what is loaded where depth weights spread each over several maps."""
