"""Options that are more than a number: sizes, stages, layers."""

from __future__ import annotations

import re

import typer


def size(text: str) -> tuple[int, int]:
    """HEIGHTxWIDTH.

    Examples
    --------
    >>> size("28x32")
    (28, 32)
    """
    match = re.fullmatch(r"(\d{1,5})[x×](\d{1,5})", text.strip(), re.IGNORECASE)
    if not match:
        raise typer.BadParameter(f"{text!r} is no size; give HEIGHTxWIDTH, 28x28 say.")
    return int(match[1]), int(match[2])


def counts(text: str) -> tuple[int, ...]:
    """Positive numbers with commas between them; none for an empty text, "none" or 0.

    Examples
    --------
    >>> counts("128,64"), counts("none")
    ((128, 64), ())
    """
    if text.strip().casefold() in ("", "none", "0"):
        return ()
    if not re.fullmatch(r"\s*[1-9]\d{0,5}\s*(,\s*[1-9]\d{0,5}\s*)*", text):
        raise typer.BadParameter(f"{text!r} is no list of layers; give positive numbers with commas, 64 or 128,64 say.")
    return tuple(int(number) for number in text.split(","))


def stages(text: str) -> tuple[tuple[int, ...], ...]:
    """Numbers of filters, the convolutions of a stage with commas between them, the stages with slashes.

    Examples
    --------
    >>> stages("16,16/32,32")
    ((16, 16), (32, 32))
    """
    try:
        made = tuple(counts(stage) for stage in text.split("/"))
    except typer.BadParameter:
        made = ((),)
    if not all(made):
        raise typer.BadParameter(
            f"{text!r} are no stages; give positive numbers with commas, and stages apart by a slash: 16,16/32,32."
        )
    return made


def words(text: str) -> tuple[str, ...]:
    """Words with commas between them; none for an empty text or "none".

    Examples
    --------
    >>> words("shift, flip"), words("none")
    (('shift', 'flip'), ())
    """
    if text.strip().casefold() in ("", "none"):
        return ()
    return tuple(word.strip() for word in text.split(","))
