"""Sizes that the kernels' sources name and ``unrolled`` fills in; the values here are the notes'."""

k1: int = 3
"""Height of a filter."""

k2: int = 3
"""Width of a filter."""

p: int = 2
"""Side of a pooling window."""

keep: int = 1
"""1 if the backward pass follows: ReLU's bits and the pooling's winners are kept."""

weighted: int = 0
"""1 if depth weights make the maps that are convolved (N32)."""

lanes: int = 16
"""Numbers of a vector."""

across: int = 4
"""Numbers of a row of the patch under a pooling window: p + k2 − 1, up to the next power of two."""

patch: int = 16
"""Numbers of a vector of such rows."""

parts: int = 1
"""Vectors of such a patch."""

group: int = 4
"""Filters that share loads where depth weights spread each of them over several maps."""
