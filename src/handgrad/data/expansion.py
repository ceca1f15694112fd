"""How far a compressed file may expand: a small file must not fill the memory."""

from __future__ import annotations

from handgrad.data.arrays import Refusal

_ALWAYS_FINE = 256 << 20
_LARGEST_RATIO = 200


def check_expansion(claimed: int, stored: int, refuse: Refusal, *, compressed: bool) -> None:
    """Refuse a header that claims more bytes than a file of images can hold.

    Real images compress five- to twentyfold; deflate can reach a thousandfold, but only on zeros. So an uncompressed
    file must be as large as claimed, and a compressed one may expand 200-fold, or to 256 MiB.
    """
    if claimed > (max(_ALWAYS_FINE, _LARGEST_RATIO * stored) if compressed else stored):
        raise refuse(
            f"its header claims {claimed} bytes, and only {stored}{' compressed' if compressed else ''} are there",
            "download or save it again" + (", without compression" if compressed else ""),
        )
