"""What the page is made of: its cards, its formulas, one file that nothing can break out of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree

import pytest

from handgrad.architecture import Architecture
from handgrad.graph import EXAMPLES, graph
from handgrad.notes.lines import line
from handgrad.notes.operations import OPERATIONS
from handgrad.web.cards import Card, cards, mathml
from handgrad.web.page import explanation_page
from tests.web.models import ARCHITECTURES, traced

NOTES = [line(f"N{number}") for number in range(1, 32)]
NAMES = list(ARCHITECTURES)


def test_the_notes_network_has_each_line_once_in_the_order_of_the_notes() -> None:
    laid = cards(Architecture())
    assert [card.number for card in laid] == [entry.number for entry in NOTES]
    assert [card.title for card in laid] == [entry.title for entry in NOTES]


def test_a_card_says_what_its_operation_and_its_tensors_are() -> None:
    laid = {card.number: card for card in cards(Architecture())}
    assert laid["N30"].formulas == (
        r"\frac{\partial E}{\partial {T_{1}}} = \frac{\partial E}{\partial {H_{1}}} \odot f'({T_{1}})",
        r"\frac{\partial E}{\partial {F_{1}}} = X @ \frac{\partial E}{\partial {T_{1}}}",
        r"\frac{\partial E}{\partial X} = \frac{\partial E}{\partial {T_{1}}} @ {F_{1}}^{\pi\pi}",
    )
    assert laid["N29"].text == OPERATIONS["input_gradient"].sentence
    assert laid["N29"].nodes == ("∂E/∂H1", "∂E/∂T2", "F2")
    assert laid["N1"].nodes == ("F1", "F2")


def test_a_filter_with_weights_over_the_depth_says_so() -> None:
    (first, *_) = cards(ARCHITECTURES["maps"])
    assert first.formulas[0] == r"{F_{1}} \in \mathbb{R}^{3 \times 3 \times 2 \times 4}"
    assert "Without weighted maps (N32), it has no weights over the depth" in first.text


def test_what_the_notes_do_not_count_is_the_same_line_once_more() -> None:
    titles = {str(card.nodes[0]): card.title for card in cards(ARCHITECTURES["two stages"]) if card.nodes}
    assert titles["T2"] == "second convolution"
    assert titles["T3"] == "the same line, for T3"
    assert titles["∂E/∂w1"] == "the same line, for ∂E/∂w1"


@pytest.mark.parametrize("name", NAMES)
def test_no_card_has_an_apostrophe_that_could_be_a_prime(name: str) -> None:
    assert [card.text for card in cards(ARCHITECTURES[name]) if "'" in card.text] == []


def test_maps_have_their_lines() -> None:
    numbers = {card.number for card in cards(ARCHITECTURES["maps"])}
    assert numbers >= {"N32", "N33", "N34", "N35"}


@pytest.mark.parametrize("name", NAMES)
def test_every_tensor_of_both_passes_is_on_a_card(name: str) -> None:
    shown = {node for card in cards(ARCHITECTURES[name]) for node in card.nodes}
    known = {node.name for node in (*graph(ARCHITECTURES[name]), *EXAMPLES)}
    assert shown <= known
    assert known - shown == set()


def formulas() -> Iterator[str]:
    for name in NAMES:
        every: tuple[Card, ...] = cards(ARCHITECTURES[name])
        yield from (formula for card in every for formula in card.formulas)


@pytest.mark.parametrize("formula", sorted(set(formulas())))
def test_mathml_is_well_formed_and_loses_no_letter(formula: str) -> None:
    drawn = "".join(ElementTree.fromstring(mathml(formula, block=True)).itertext())
    spelled = re.sub(r"\\(?:text|operatorname|mathrm|mathbb)\b", "", formula)
    letters = re.sub(r"\\[a-z]+", "", spelled)
    for letter in filter(str.isalnum, letters):
        assert letter in drawn.replace("ℝ", "R").replace("ℕ", "N")
    assert drawn.count("∂") == formula.count(r"\partial")
    assert "\\" not in drawn


def test_a_class_name_cannot_break_out_of_the_page() -> None:
    made = traced("notes")
    object.__setattr__(made.model, "classes", ("</script><script>alert(1)</script>", "<!--", "]]>"))
    html = explanation_page(made)
    assert html.count("<script") == 2
    assert "alert(1)</script>" not in html
    assert "<!--" not in html


def test_the_page_loads_nothing_from_elsewhere() -> None:
    html = explanation_page(traced("notes"))
    content = html[html.index('id="content"') :]
    frame = html.replace(content[: content.index("</script>")], "")
    assert set(re.findall(r"https?://[^\s\"'`)]+", frame)) <= {"http://www.w3.org/2000/svg"}
    assert "connect-src 'none'" in html


def test_a_page_for_mnist_can_be_mailed() -> None:
    assert len(explanation_page(traced("mnist")).encode()) <= 5e6
