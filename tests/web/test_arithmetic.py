"""Every number on the page explains itself: what is shown adds up, in the browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from handgrad.graph import EXAMPLES, GIVEN, graph
from handgrad.notes.operations import OPERATIONS
from handgrad.trace import trace
from handgrad.web.page import explanation_page
from tests.web.conftest import Opener
from tests.web.models import ARCHITECTURES, drawn, pixels_for, traced

TRACE_MD = Path(__file__).parents[2] / "docs" / "trace.md"
SMALL = [name for name in ARCHITECTURES if name != "mnist"]

SUMS = """
async () => {
  const { trace } = handgrad;
  const found = [];
  for (const node of trace.tensors.values()) {
    await trace.ready(node.name);
    const some = Array.from({ length: 400 }, () => Math.floor(Math.random() * node.size));
    const offsets = node.size <= 400 ? [...node.data.keys()] : some;
    let [explained, worst] = [0, 0];
    for (const offset of offsets) {
      const explanation = trace.explain(node.name, node.index(offset));
      if (!explanation) continue;
      const size = explanation.terms.reduce((sum, term) => sum + Math.abs(term.value), 0);
      const difference = Math.abs(explanation.total - node.data[offset]);
      worst = Math.max(worst, difference / (size || 1));
      explained += 1;
    }
    found.push([node.name, node.operation, explained, worst]);
  }
  return found;
}
"""

LINKS = """
async () => {
  const { trace } = handgrad;
  const inside = (box, index) => index.every((place, axis) => box[axis][0] <= place && place < box[axis][1]);
  const wrong = [];
  let looked = 0;
  const random = (from, to) => from + Math.floor(Math.random() * (to - from));
  for (const node of trace.tensors.values()) {
    await trace.ready(node.name);
  }
  for (const node of trace.tensors.values()) {
    for (let time = 0; time < 60; time += 1) {
      const index = node.index(random(0, node.size));
      for (const { name, box } of trace.sources(node.name, index)) {
        const source = box.map(([first, last]) => random(first, last));
        looked += 1;
        const onwards = trace.dependents(name, source).filter((link) => link.name === node.name);
        if (!onwards.some((link) => inside(link.box, index))) wrong.push(["onwards", node.name, index, name, source]);
      }
      for (const { name, box } of trace.dependents(node.name, index)) {
        const user = box.map(([first, last]) => random(first, last));
        looked += 1;
        const back = trace.sources(name, user).filter((link) => link.name === node.name);
        if (!back.some((link) => inside(link.box, index))) wrong.push(["back", node.name, index, name, user]);
      }
    }
  }
  return [looked, wrong.slice(0, 5)];
}
"""

TERMS = """
async () => {
  const { trace } = handgrad;
  const inside = (box, index) => index.every((place, axis) => box[axis][0] <= place && place < box[axis][1]);
  const wrong = [];
  for (const node of trace.tensors.values()) {
    await trace.ready(node.name);
    for (let time = 0; time < 20; time += 1) {
      const index = node.index(Math.floor(Math.random() * node.size));
      const factors = trace.explain(node.name, index)?.terms.flatMap((term) => term.factors) ?? [];
      const sources = trace.sources(node.name, index);
      for (const factor of factors.filter((each) => each.tensor)) {
        if (!sources.some((link) => link.name === factor.tensor && inside(link.box, factor.index)))
          wrong.push([node.name, index, factor.tensor, factor.index]);
      }
      for (const { name } of sources) {
        const named = factors.some((factor) => factor.tensor === name);
        // The pooled tensor decides who wins, f'(T) is a switch, and −y / z needs no z where y is 0.
        const silent = ["pool_back", "relu_back", "cross_entropy_back"].includes(node.operation);
        if (!named && !silent) wrong.push([node.name, index, name, "no term"]);
      }
    }
  }
  return wrong.slice(0, 5);
}
"""

NUDGES = """
async () => {
  const { trace } = handgrad;
  const found = [];
  for (const node of trace.tensors.values()) {
    if (!trace.isForward(node.name)) continue;
    await trace.readyToNudge(node.name);
    for (let time = 0; time < 8; time += 1) {
      const index = node.index(Math.floor(Math.random() * node.size));
      const E = trace.nudged(node.name, index);
      const small = 1e-6;
      const derivative = trace.tensor(`∂E/∂${node.name}`).at(index);
      const slope = (E(small) - E(-small)) / (2 * small);
      found.push([node.name, E(0) - trace.tensor("E").data[0], slope, derivative]);
    }
  }
  return found;
}
"""


@pytest.mark.parametrize("name", SMALL)
def test_what_is_shown_adds_up(name: str, opened: Opener, written: Callable[[str], str]) -> None:
    found: list[list[Any]] = opened(written(name)).evaluate(SUMS)
    assert {node for node, operation, _, _ in found} >= set(traced(name).tensors)
    for node, operation, explained, worst in found:
        assert (explained > 0) == (operation not in GIVEN), node
        assert worst < 1e-12, node


@pytest.mark.parametrize("name", SMALL)
def test_what_it_is_made_of_and_what_it_takes_part_in_are_the_same_links(
    name: str, opened: Opener, written: Callable[[str], str]
) -> None:
    looked, wrong = opened(written(name)).evaluate(LINKS)
    assert wrong == []
    assert looked > 1000


@pytest.mark.parametrize("name", SMALL)
def test_what_its_terms_name_is_what_lights_up(name: str, opened: Opener, written: Callable[[str], str]) -> None:
    assert opened(written(name)).evaluate(TERMS) == []


def test_a_number_near_zero_keeps_its_digits(opened: Opener, tmp_path: Path) -> None:
    model = drawn("notes")
    model.parameters["b2"][1] = 20
    file = tmp_path / "sure.html"
    file.write_text(explanation_page(trace(model, pixels_for(model), 1)))
    page = opened(file.as_uri())
    page.evaluate("handgrad.choose('E', [])")
    table = page.locator("#explanation .terms")
    value, total = (float(table.get_attribute(f"data-{name}") or "nan") for name in ("value", "total"))
    assert 0 < value < 1e-6
    assert total == pytest.approx(value, rel=1e-9)


@pytest.mark.parametrize("name", SMALL)
def test_a_nudge_repeats_the_forward_pass_and_touches_its_tangent(
    name: str, opened: Opener, written: Callable[[str], str]
) -> None:
    found = opened(written(name)).evaluate(NUDGES)
    derived = {node.removeprefix("∂E/∂") for node in traced(name).tensors if node.startswith("∂E/∂")}
    assert {node for node, *_ in found} == derived - {"z", "U", "T"}
    off = 0
    for _, unmoved, slope, derivative in found:
        assert unmoved == pytest.approx(0, abs=1e-13)
        # In the plain half of the picture windows tie: there E has a kink.
        off += slope != pytest.approx(derivative, rel=1e-4, abs=1e-8)
    assert off <= 0.1 * len(found)


def test_the_page_explains_every_operation_and_no_other(opened: Opener, written: Callable[[str], str]) -> None:
    page = opened(written("notes"))
    by_hand = page.evaluate("Object.keys(handgrad.byHand)")
    from_the_table = page.evaluate("Object.keys(handgrad.contractions)")
    every = {node.operation for name in SMALL for node in (*graph(ARCHITECTURES[name]), *EXAMPLES)}
    assert sorted([*by_hand, *from_the_table]) == sorted(OPERATIONS)
    assert set(OPERATIONS) == every - {*GIVEN}


def test_what_the_page_computes_forward_stays_inside_its_tensors() -> None:
    """The page's innermost loops multiply two factors and look for no border."""
    for name, operation in OPERATIONS.items():
        if operation.derivative_of is None and not isinstance(operation.number, str):
            for product in operation.number:
                assert (product.sign, len(product.factors) <= 2) == (1, True), name
                assert not any("-" in expression for factor in product.factors for expression in factor.index), name
