"""Numbers as people read them."""

from __future__ import annotations

_SPACE = "\u00a0"


def percent(share: float, places: int = 1) -> str:
    r"""Format a share; never as 100 % if it is less, nor as 0 % if it is more.

    Examples
    --------
    >>> percent(0.98317), percent(1.0), percent(0.99996), percent(0.0)
    ('98.3\xa0%', '100\xa0%', '>\xa099.9\xa0%', '0\xa0%')
    """
    if share in (0, 1):
        return f"{100 * share:.0f}{_SPACE}%"
    text = f"{100 * share:.{places}f}"
    if float(text) in (0, 100):
        nearest = 10.0**-places
        text = f">{_SPACE}{100 - nearest:.{places}f}" if float(text) else f"<{_SPACE}{nearest:.{places}f}"
    return f"{text}{_SPACE}%"


def interval(ends: tuple[float, float], places: int = 1) -> str:
    r"""Format the ends of an interval of shares.

    Examples
    --------
    >>> interval((0.9, 1.0))
    '90.0 to 100\xa0%'
    """
    low, high = ends
    start = "0" if low == 0 else f"{100 * low:.{places}f}"
    return f"{start} to {'100' if high == 1 else format(100 * high, f'.{places}f')}{_SPACE}%"


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
