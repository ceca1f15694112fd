"""Images that two splits or two classes share, byte by byte as the network sees them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from handgrad.data.dataset import Samples


def shared_images(splits: Mapping[str, Samples]) -> dict[tuple[str, str], list[tuple[int, int]]]:
    """Find images of a split that are in an earlier split as well.

    The key is the name of the split and of the first split that has the image; the value, its index in each.

    Examples
    --------
    >>> one = Samples(np.zeros((2, 6, 6, 1), np.uint8), np.array([0, 1]))
    >>> shared_images({"training": one, "test": one})
    {('test', 'training'): [(0, 0), (1, 0)]}
    """
    first: dict[bytes, tuple[str, int]] = {}
    shared: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for name, samples in splits.items():
        for index, digest in enumerate(np.ascontiguousarray(samples.figures.digests)):
            before, there = first.setdefault(digest.tobytes(), (name, index))
            if before != name:
                shared.setdefault((name, before), []).append((index, there))
    return shared


def images_of_two_classes(splits: Iterable[Samples]) -> list[str]:
    """Find images that several classes have; return a pair of names of each.

    Examples
    --------
    >>> one = Samples(np.zeros((2, 6, 6, 1), np.uint8), np.array([0, 1]), np.array(["a/1.png", "b/1.png"], object))
    >>> images_of_two_classes([one])
    ['b/1.png = a/1.png']
    """
    first: dict[bytes, tuple[int, str]] = {}
    found: dict[bytes, str] = {}
    for samples in splits:
        digests = np.ascontiguousarray(samples.figures.digests)
        for digest, label, name in zip(digests, samples.labels.tolist(), samples.identifiers, strict=True):
            key = digest.tobytes()
            before, other = first.setdefault(key, (label, name))
            if before != label:
                found.setdefault(key, f"{name} = {other}")
    return list(found.values())


def notice(splits: Mapping[str, Samples]) -> str | None:
    """Report the images that two splits share in one line; None where there are none."""
    found, total = [], 0
    for (name, before), pairs in shared_images(splits).items():
        total += len(pairs)
        (index, there), more = pairs[0], ", …" if len(pairs) > 1 else ""
        one, other = splits[name].names, splits[before].names
        named = "" if one is None or other is None else f" ({one[index]} = {other[there]}{more})"
        images = f"{len(pairs)} images of {name} are" if more else f"1 image of {name} is"
        found.append(f"{images} byte-identical to one of {before}{named}")
    return f"{'; '.join(found)}: results on {'them' if total > 1 else 'it'} will be too good" if found else None
