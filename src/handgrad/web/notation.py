"""The notes' notation, as the catalogue writes it in a line of text, set as MathML."""

from __future__ import annotations

import re
from html import escape
from typing import NamedTuple

_FUNCTIONS = {"log", "exp", "max", "MP", "CE", "ReLU"}

_NAME = r"(?P<{0}letter>[A-Za-zα-ωΑ-Ω])(?P<{0}digits>\d*)(?P<{0}prime>'?)(?P<{0}below>\[[^\]]*\]|_\{{[^}}]*\}}|_\w+)?"
_TOKEN = re.compile(
    "|".join(
        (
            rf"∂{_NAME.format('y_')}/∂{_NAME.format('x_')}",
            r"(?P<sum>Σ)(?P<under>_\{[^}]*\}|_\w)?",
            r"(?P<word>[A-Za-z]{2,}(?:-[a-z]+)?)(?!')",
            _NAME.format("n_") + r"(?P<power>ᵀ|\^\{[^}]*\})?",
            r"(?P<number>\d+)",
            r"\((?P<group>[^()]*)\)(?P<after>_\w)?",
            r"(?P<space>\s+)",
            r"(?P<operator>.)",
        )
    )
)


class _Name(NamedTuple):
    letter: str
    digits: str
    prime: str
    below: str

    @classmethod
    def of(cls, match: re.Match[str], prefix: str) -> _Name:
        return cls(*(match[f"{prefix}_{part}"] or "" for part in cls._fields))

    def mathml(self, power: str = "") -> str:
        below = _row(self.digits) + (_row(",") if self.digits and self.below else "") + _row(_inside(self.below))
        above = _row(_inside(power))
        # R with a power is the set of the reals.
        letter = "ℝ" if self.letter == "R" and power else escape(self.letter)
        if not self.prime:
            return _scripts(f"<mi>{letter}</mi>", below, above)
        # Beside the name, not above its digits: so the notes write it, and so it stands well in any font.
        named = f'<mrow>{_scripts(f"<mi>{letter}</mi>", below, "")}<mo lspace="0.08em" rspace="0">′</mo></mrow>'
        return _scripts(named, "", above)


def to_mathml(text: str, block: bool = False) -> str:
    """A formula of the notes as a MathML element.

    Parameters
    ----------
    text : str
        As in ``notes.catalogue``: ``∂E/∂w2 = h1'ᵀ · ∂E/∂t2'``; the name of a tensor too.
    block : bool
        Set apart, rather than in a line of text.

    Returns
    -------
    str

    Examples
    --------
    >>> to_mathml("t1'")
    '<math><mrow><msub><mi>t</mi><mn>1</mn></msub><mo lspace="0.08em" rspace="0">′</mo></mrow></math>'
    >>> to_mathml("∂E/∂b2")
    '<math><mfrac><mrow><mo>∂</mo><mi>E</mi></mrow><mrow><mo>∂</mo><msub><mi>b</mi><mn>2</mn></msub></mrow></mfrac></math>'
    """
    display = ' display="block"' if block else ""
    return f"<math{display}>{_row(text)}</math>"


def _row(text: str) -> str:
    return "".join(map(_element, _TOKEN.finditer(text.replace("alpha", "α"))))


def _element(match: re.Match[str]) -> str:
    if match["y_letter"]:
        over, under = (f"<mrow><mo>∂</mo>{_Name.of(match, place).mathml()}</mrow>" for place in ("y", "x"))
        return f"<mfrac>{over}{under}</mfrac>"
    if match["sum"]:
        under = _row(_inside(match["under"] or ""))
        return f"<munder><mo movablelimits='false'>Σ</mo><mrow>{under}</mrow></munder>" if under else "<mo>Σ</mo>"
    if word := match["word"]:
        return (
            f'<mi>{word}</mi><mspace width="0.15em"/>'
            if word in _FUNCTIONS
            else f"<mtext>&nbsp;{escape(word)}&nbsp;</mtext>"
        )
    if match["n_letter"]:
        return _Name.of(match, "n").mathml(match["power"] or "")
    if match["number"]:
        return f"<mn>{match['number']}</mn>"
    if match["group"] is not None:
        # Parentheses grow around a fraction, and need not with the digits of a name.
        grow = "" if "∂" in match["group"] else ' stretchy="false"'
        group = f"<mrow><mo{grow}>(</mo>{_row(match['group'])}<mo{grow}>)</mo></mrow>"
        return _scripts(group, _row(_inside(match["after"] or "")), "")
    if match["space"]:
        return ""
    return f"<mo>{escape(match['operator'])}</mo>"


def _inside(script: str) -> str:
    """What a subscript, an index or a power holds."""
    return script.lstrip("_^").strip("{}[]").replace("ᵀ", "T")


def _scripts(base: str, below: str, above: str) -> str:
    below, above = (f"<mrow>{part}</mrow>" if part.count("</m") > 1 else part for part in (below, above))
    if below and above:
        return f"<msubsup>{base}{below}{above}</msubsup>"
    if below:
        return f"<msub>{base}{below}</msub>"
    return f"<msup>{base}{above}</msup>" if above else base
