"""Shares as people read them."""

from __future__ import annotations


def percent(share: float, places: int = 2, space: str = " ") -> str:
    """Format a share; never as 100 % if it is less, nor as 0 % if it is more.

    Examples
    --------
    >>> percent(0.98317), percent(0.98317, 1), percent(1.0), percent(0.99996, 1), percent(0.0)
    ('98.32 %', '98.3 %', '100 %', '> 99.9 %', '0 %')
    """
    text = f"{100 * share:.{0 if share in (0, 1) else places}f}"
    if share not in (0, 1) and float(text) in (0, 100):
        nearest = 10.0**-places
        text = f">{space}{100 - nearest:.{places}f}" if float(text) else f"<{space}{nearest:.{places}f}"
    return f"{text}{space}%"
