"""Sizes that the kernels' sources name and ``unrolled`` fills in; the values here are the notes'."""

WRITTEN_OUT = 340
"""Vector operations up to which the loops over a filter's and a window's cells are written out.

What is written out is fast, and takes time to compile: 3 × 3 filters before pooling by 4 are just below, pooling by 6
would take a minute and a half. ``rolled.py`` has the kernels beyond.
"""

k1, k2 = 3, 3  # height and width of a filter
p = 2  # side of a pooling window
keep = 1  # 1 if the backward pass follows: ReLU's bits and the pooling's winners are kept
weighted = 0  # 1 if depth weights make the maps that are convolved (N32)
lanes = 16  # numbers of a vector
across = 4  # numbers of a row of a patch: under a pooling window p + k2 − 1, up to the next power of two
patch = 16  # numbers of a vector of such rows
parts = 1  # vectors of such a patch
group = 4  # filters that share loads where depth weights spread each of them over several maps

# Of ``rolled.py``:
together = 2  # row phases that share loads
beside = 3  # taps of a filter's row whose gradients share loads
cells = 2  # cells of a window's row that share loads


def rolls(p: int, k1: int, k2: int) -> bool:
    """Return whether loops over so many cells remain loops.

    >>> rolls(2, 3, 3), rolls(4, 3, 3), rolls(2, 7, 7)
    (False, False, True)
    """
    return p * p * (k1 * k2 + 3) + 4 * p * k1 * k2 > WRITTEN_OUT
