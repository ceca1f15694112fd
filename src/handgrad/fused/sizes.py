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
