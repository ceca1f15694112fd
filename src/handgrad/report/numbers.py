"""Numbers as people read them."""

from __future__ import annotations

NO_BREAK = "\u00a0"


def interval(ends: tuple[float, float], places: int = 1) -> str:
    r"""Format the ends of an interval of shares.

    Examples
    --------
    >>> interval((0.9, 1.0))
    '90.0 to 100\xa0%'
    """
    low, high = ends
    start = "0" if low == 0 else f"{100 * low:.{places}f}"
    return f"{start} to {'100' if high == 1 else format(100 * high, f'.{places}f')}{NO_BREAK}%"


def duration(seconds: float) -> str:
    """Format seconds, from two minutes on as minutes and seconds.

    Examples
    --------
    >>> duration(19.42), duration(754.2)
    ('19.4 seconds', '12 minutes 34 seconds')
    """
    if seconds < 120:
        return f"{seconds:.1f} seconds"
    return f"{int(seconds // 60)} minutes {int(seconds % 60)} seconds"


def setting(value: object) -> str:
    """Format an option's value as a word.

    Examples
    --------
    >>> setting(None), setting(False), setting("adamw"), setting(0.005)
    ('none', 'no', 'adamw', '0.005')
    """
    words = {"None": "none", "False": "no", "True": "yes"}
    return words.get(str(value), str(value))
