"""A small file must not fill the memory: how far a compressed one may expand."""

from __future__ import annotations

from handgrad.data.arrays import Refusal

_ALWAYS_FINE = 256 << 20
_LARGEST_RATIO = 200


def check_expansion(claimed: int, stored: int, refuse: Refusal, *, compressed: bool) -> None:
    """Refuse a claim of more bytes than a file of images can hold.

    Real images compress five- to twentyfold; deflate can reach a thousandfold, on nothing but zeros.

    Parameters
    ----------
    claimed : int
        Bytes that the header claims.
    stored : int
        Bytes of the file.
    refuse : callable
        Makes the error from a rule and a remedy.
    compressed : bool
        Whether the stored bytes are compressed.

    Raises
    ------
    DataError
        If an uncompressed file is smaller than the claim, or a compressed one would expand more than 200-fold to
        over 256 MiB.
    """
    if claimed > (max(_ALWAYS_FINE, _LARGEST_RATIO * stored) if compressed else stored):
        raise refuse(
            f"its header claims {claimed} bytes, and only {stored}{' compressed' if compressed else ''} are there",
            "download or save it again" + (", without compression" if compressed else ""),
        )
