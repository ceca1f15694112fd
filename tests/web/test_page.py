"""What the page is made of: its cards, its formulas, one file that nothing can break out of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree

import pytest

from handgrad.architecture import Architecture
from handgrad.notes.catalogue import LINES, line
from handgrad.trace import example_nodes, network_nodes
from handgrad.web.cards import Card, cards
from handgrad.web.notation import to_mathml
from handgrad.web.page import explanation_page
from tests.web.models import ARCHITECTURES, traced

NOTES = [line(f"N{number}") for number in range(1, 32)]
NAMES = list(ARCHITECTURES)


def words(mathml: str) -> str:
    """The signs of a formula without their places."""
    return re.sub(r"\s", "", "".join(ElementTree.fromstring(mathml.replace("&nbsp;", "")).itertext()))


def test_the_notes_network_has_each_line_once_in_the_order_of_the_notes() -> None:
    laid = cards(Architecture())
    assert [card.number for card in laid] == [entry.number for entry in NOTES]
    assert [card.title for card in laid] == [entry.title for entry in NOTES]


def test_the_cards_formulas_are_the_catalogues() -> None:
    own = {"N1", "N9", "N30", "N22"}  # with this network's sizes, or several formulas that the catalogue has in one
    laid = {card.number: card for card in cards(Architecture())}
    for entry in NOTES:
        if entry.number not in own:
            assert laid[entry.number].formulas == (entry.formula,)
    for number in ("N22", "N30"):
        assert ", ".join(laid[number].formulas) == line(number).formula


def test_what_the_notes_do_not_count_is_the_same_line_once_more() -> None:
    titles = {card.nodes[0]: card.title for card in cards(ARCHITECTURES["two stages"]) if card.nodes}
    assert titles["T2"] == "second convolution"
    assert titles["T3"] == "the same line, for T3"
    assert titles["∂E/∂w3"] == "the same line, for ∂E/∂w3"


def test_maps_have_their_lines() -> None:
    numbers = {card.number for card in cards(ARCHITECTURES["maps"])}
    assert numbers >= {"N32", "N33", "N34", "N35"}


@pytest.mark.parametrize("name", NAMES)
def test_every_tensor_of_both_passes_is_on_a_card(name: str) -> None:
    shown = {node for card in cards(ARCHITECTURES[name]) for node in card.nodes}
    known = {node.name for node in (*network_nodes(ARCHITECTURES[name]), *example_nodes())}
    assert shown <= known
    assert known - shown == set()


def formulas() -> Iterator[str]:
    for name in NAMES:
        every: tuple[Card, ...] = cards(ARCHITECTURES[name])
        yield from (formula for card in every for formula in card.formulas)
    yield from (entry.formula for entry in LINES)


@pytest.mark.parametrize("formula", sorted(set(formulas())))
def test_mathml_is_well_formed_and_loses_no_sign(formula: str) -> None:
    def signs(text: str) -> list[str]:
        return sorted(re.sub(r"[\s\[\]{}_^]", "", text.replace("alpha", "α").replace("'", "′").replace("ᵀ", "T")))

    brackets_are_shown = "[[" in formula
    drawn = words(to_mathml(formula)).replace("ℝ", "R")
    fractions = len(re.findall(r"∂\S+?/∂", formula))
    expected = signs(formula)
    for _ in range(fractions):
        expected.remove("/")
    # A comma comes between the digits of a name and its index.
    extra = len(re.findall(r"[A-Za-zα]\d+'?(?:\[|_)", formula))
    got = signs(drawn) if not brackets_are_shown else sorted(re.sub(r"[\[\]]", "", drawn))
    assert got == sorted(expected + [","] * extra)


def test_a_class_name_cannot_break_out_of_the_page() -> None:
    made = traced("notes")
    object.__setattr__(made.model, "classes", ("</script><script>alert(1)</script>", "<!--", "]]>"))
    html = explanation_page(made)
    assert html.count("<script") == 2
    assert "alert(1)</script>" not in html
    assert "<!--" not in html


def test_the_page_asks_no_other_place_for_anything() -> None:
    html = explanation_page(traced("notes"))
    content = html[html.index('id="content"') :]
    frame = html.replace(content[: content.index("</script>")], "")
    assert set(re.findall(r"https?://[^\s\"'`)]+", frame)) <= {"http://www.w3.org/2000/svg"}
    assert "connect-src 'none'" in html


def test_a_page_for_mnist_can_be_mailed() -> None:
    assert len(explanation_page(traced("mnist")).encode()) <= 5e6
