"""Sizes that the kernels' sources name and ``unrolled`` fills in; the values here are the notes'."""

k1, k2 = 3, 3  # height and width of a filter
p = 2  # side of a pooling window
keep = 1  # 1 if the backward pass follows: ReLU's bits and the pooling's winners are kept
weighted = 0  # 1 if depth weights make the maps that are convolved (N32)
lanes = 16  # numbers of a vector
across = 4  # numbers of a row of the patch under a pooling window: p + k2 − 1, up to the next power of two
patch = 16  # numbers of a vector of such rows
parts = 1  # vectors of such a patch
group = 4  # filters that share loads where depth weights spread each of them over several maps
