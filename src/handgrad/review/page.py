"""The page of a review: template, style, program, and what there is to decide."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from string import Template
from typing import Any

from handgrad.web.page import as_data, policy_of

_STATIC = files("handgrad.review") / "static"


def review_page(content: dict[str, Any]) -> str:
    """Return the HTML of a page with this content; the server sends it with ``review_policy``.

    Examples
    --------
    >>> review_page({"classes": ["</script>"]}).count("</script>")
    2
    """
    return Template(_text("index.html")).substitute(
        style=_text("style.css"), program=_text("review.js"), content=as_data(content)
    )


@cache
def review_policy() -> str:
    """Return the page's Content-Security-Policy: it asks its own server alone, for pictures and to decide."""
    return policy_of(_text("review.js"), _text("style.css"), connect="'self'", images="'self' data:")


@cache
def _text(name: str) -> str:
    return (_STATIC / name).read_text(encoding="utf-8")
