"""Pictures that two parts share, byte by byte as the network sees them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from handgrad.data.dataset import Samples


def shared_pictures(parts: Mapping[str, Samples]) -> dict[tuple[str, str], list[tuple[int, int]]]:
    """Pictures of a part that are in a part before it as well.

    Parameters
    ----------
    parts : mapping of str to Samples
        By name.

    Returns
    -------
    dict of (str, str) to list of (int, int)
        By the names of the part and of the first part that has the picture: its place in each. Only what is shared.

    Examples
    --------
    >>> one = Samples(np.zeros((2, 6, 6, 1), np.uint8), np.array([0, 1]))
    >>> shared_pictures({"training": one, "test": one})
    {('test', 'training'): [(0, 0), (1, 0)]}
    """
    first: dict[bytes, tuple[str, int]] = {}
    shared: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for name, samples in parts.items():
        for place, digest in enumerate(np.ascontiguousarray(samples.measured().digests)):
            before, there = first.setdefault(digest.tobytes(), (name, place))
            if before != name:
                shared.setdefault((name, before), []).append((place, there))
    return shared


def told(parts: Mapping[str, Samples]) -> str | None:
    """One line about the pictures that two parts share; None where there are none.

    Examples
    --------
    >>> one = Samples(np.zeros((1, 6, 6, 1), np.uint8), np.array([0]), np.array(["a/1.png"], object))
    >>> told({"train": one, "test": one})
    '1 picture of test is byte-identical to one of train (a/1.png = a/1.png): what is told of it is too good'
    """
    shared = shared_pictures(parts)
    if not shared:
        return None
    found = []
    for (name, before), pairs in shared.items():
        count = f"{len(pairs)} picture{'s' if len(pairs) > 1 else ''}"
        place, there = pairs[0]
        one, other = parts[name], parts[before]
        named = "" if one.names is None or other.names is None else f" ({one.names[place]} = {other.names[there]}"
        named += (", …)" if len(pairs) > 1 else ")") if named else ""
        found.append(f"{count} of {name} {'are' if len(pairs) > 1 else 'is'} byte-identical to one of {before}{named}")
    return f"{'; '.join(found)}: what is told of {'them' if len(found) > 1 or len(pairs) > 1 else 'it'} is too good"
