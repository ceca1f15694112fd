"""The page's cards: one a line of the notes, again for every further layer, forward first and backward following."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from handgrad.architecture import Architecture, Convolution, Dense
from handgrad.notes.catalogue import line
from handgrad.trace.nodes import derivative as d
from handgrad.trace.nodes import stepped


@dataclass(frozen=True, slots=True)
class Card:
    """One line of the notes as the page shows it.

    Parameters
    ----------
    number : str
        "N1" to "N35".
    title : str
    formulas : tuple of str
        With the names of this layer.
    text : str
        What the line does, in a sentence or two.
    nodes : tuple of str
        The tensors that it shows, the result first.
    way : {"forward", "backward"}
    """

    number: str
    title: str
    formulas: tuple[str, ...]
    text: str
    nodes: tuple[str, ...]
    way: str


def cards(architecture: Architecture) -> tuple[Card, ...]:
    """Every card of a network's page, in order.

    Examples
    --------
    >>> [card.number for card in cards(Architecture())] == [f"N{number}" for number in range(1, 32)]
    True
    """
    forward = (replace(card, way="forward") for card in _forward(architecture))
    backward = (replace(card, way="backward") for card in _backward(architecture))
    return (*forward, *backward)


def _card(number: str, text: str, nodes: tuple[str, ...], *formulas: str) -> Card:
    entry = line(number)
    # The notes count two convolutions and two dense layers.
    layer = re.fullmatch(r"(?:∂E/∂)?[A-Za-z]+(\d+)'?", nodes[0]) if nodes else None
    further = layer is not None and int(layer[1]) > 2
    title = f"the same line, for {nodes[0]}" if further else entry.title
    return Card(number, title, formulas or (entry.formula,), text, nodes, way="")


def _forward(architecture: Architecture) -> Iterator[Card]:
    convolutions, denses = architecture.convolutions, architecture.denses
    first, last, out = convolutions[0], convolutions[-1], denses[-1]
    rows, columns = architecture.filter_size
    yield _card(
        "N1",
        "A filter is a small picture of weights. It has no weights over the depth of its input, and no bias.",
        tuple(layer.F for layer in convolutions),
        f"F ∈ R^{{{rows}×{columns}×N}}, N ∈ ℕ",
    )
    yield _card(
        "N2",
        "Sum the input over its depth, lay a filter on every place where it fits whole, multiply cell by cell and add. "
        f"Here {_size(first.input_shape)} and filters of {_size(first.filter_shape)} give {_size(first.shape)}.",
        (),
    )
    for layer in convolutions:
        yield from _convolution(layer, architecture)
    yield _card(
        "N9",
        f"The notes draw columns of 100, 10 and 2. Here they have {', '.join(map(str, _columns(denses)))} numbers.",
        ("x'", *(() if denses[0].last else (denses[0].t,)), "z"),
        " → ".join(f"{name} ({count})" for name, count in zip(_column_names(denses), _columns(denses), strict=True)),
    )
    yield _card(
        "N10",
        "The pooled maps are read out row by row, at each place all maps, into one long vector.",
        ("x'", last.output),
        f"x' = {last.output}",
    )
    for dense in denses:
        yield from _dense(dense)
    yield _card(
        "N14",
        "Exponentials, divided by their sum: probabilities, one for each class.",
        ("z", out.t),
        f"z = S({out.t})",
    )
    yield _card(
        "N15",
        "How surprised the network is by the expected class: 0 where it gave it all its trust. It is computed from "
        "what enters the softmax, as log Σ exp, so that no probability of 0 is ever logged.",
        ("E", "y", d("z")),
    )
    yield _card(
        "N16",
        "Errors of 1, 2, 3 and 4 arrive at the four pooled cells of the example and go back to the four maxima.",
        (d("T"), d("U")),
    )


def _convolution(layer: Convolution, architecture: Architecture) -> Iterator[Card]:
    if layer.mixing_shape:
        yield _card(
            "N32",
            f"Not one plain sum over the depth but {layer.mixing_shape[1]} weighted ones, with learned weights.",
            (layer.S, layer.input, layer.alpha),
            f"{layer.S}[i,j,k] = Σ_c {layer.alpha}[c,k] · {layer.input}[i,j,c]",
        )
        yield _card(
            "N33",
            "Each map meets its own slice of the filter; their sums are added.",
            (layer.T, layer.S, layer.F),
            f"{layer.T}[i,j,n] = Σ_k Σ_{{a,b}} {layer.F}[a,b,k,n] · {layer.S}[i+a, j+b, k]",
        )
    else:
        yield _card(
            "N3" if layer.index == 1 else "N6",
            "The picture, correlated with every filter: one map for each."
            if layer.index == 1
            else "The maps are summed over their depth, and the sum is correlated with every filter."
            + (" No ReLU follows: the pooling comes next." if layer.pooled_shape else ""),
            (layer.T, layer.input, layer.F),
            f"{layer.T} = {layer.input} @ {layer.F}",
        )
    if layer.index == 1:
        yield _card(
            "N4",
            "What is negative becomes 0; the derivative is a switch, 1 or 0, and 0 at 0 itself. N5 and N12 apply the "
            "one, N21 and N30 the other.",
            (),
        )
    if layer.pooled_shape:
        p = architecture.pooling
        yield _card(
            "N7",
            f"The largest number of each window of {p} × {p}. A row or column that fills no window is left out.",
            (layer.output, layer.T),
            f"{layer.output} = MP({layer.T})",
        )
        if layer.index == len(architecture.stages[0]):
            yield _card("N8", "The page's own example, 4 × 4: four windows, four maxima.", ("U", "T"))
    else:
        yield _card(
            "N5",
            "Each number of the maps, or 0 where it is negative.",
            (layer.output, layer.T),
            f"{layer.output} = f({layer.T})",
        )


def _dense(layer: Dense) -> Iterator[Card]:
    yield _card(
        "N13" if layer.last else "N11",
        "One number for each class, of any size."
        if layer.last
        else "Each hidden neuron weighs every number of its input.",
        (layer.t, layer.input, layer.w, layer.b),
        f"{layer.t} = {layer.input} · {layer.w} + {layer.b}",
    )
    if not layer.last:
        yield _card(
            "N12",
            "A neuron below 0 is silent for this picture.",
            (layer.output, layer.t),
            f"{layer.output} = f({layer.t})",
        )


def _size(shape: tuple[int, ...]) -> str:
    return "\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}".join(map(str, shape))


def _columns(denses: tuple[Dense, ...]) -> list[int]:
    return [denses[0].inputs, *(layer.outputs for layer in denses)]


def _column_names(denses: tuple[Dense, ...]) -> list[str]:
    return ["x'", *("z" if layer.last else layer.t for layer in denses)]


def _backward(architecture: Architecture) -> Iterator[Card]:
    denses, convolutions = architecture.denses, architecture.convolutions
    for dense in reversed(denses):
        yield from _dense_back(dense)
    last = convolutions[-1]
    yield _card(
        "N24",
        "The vector of errors is folded back into maps.",
        (d(last.output), d("x'")),
        f"{d(last.output)} = ∂E/∂x' → tensor",
    )
    for layer in reversed(convolutions):
        yield from _convolution_back(layer, last)
    yield _card(
        "N31",
        "Every parameter moves a little against its derivative, and E falls.",
        tuple(map(stepped, architecture.parameter_shapes)),
    )


def _dense_back(layer: Dense) -> Iterator[Card]:
    error = d(layer.t)
    if layer.last:
        yield _card(
            "N17",
            "The whole backward pass begins with a subtraction: what the network said, less what it should have said.",
            (error, "z", "y"),
            f"{error} = z − y_Full",
        )
    else:
        yield _card(
            "N21",
            "A neuron that was silent passes nothing back.",
            (error, d(layer.output), layer.t),
            f"{error} = {d(layer.output)} ⊙ f'({layer.t})",
        )
    weights, biases = f"{d(layer.w)} = {layer.input}ᵀ · {error}", f"{d(layer.b)} = {error}"
    if not layer.last:
        yield _card(
            "N22",
            "Each weight's share: what came in on it, times the error at its neuron.",
            (d(layer.w), d(layer.b), layer.input, error),
            weights,
            biases,
        )
    else:
        yield _card(
            "N18",
            "Each weight's share: what came in on it, times the error at its class.",
            (d(layer.w), layer.input, error),
            weights,
        )
        yield _card("N19", "A bias moves its number one for one.", (d(layer.b), error), biases)
    number, middle = ("N23", f"{error} · ∂{layer.t}/∂{layer.input} = ") if layer.index == 1 else ("N20", "")
    yield _card(
        number,
        "The errors go back through the same weights, each to every number that took part.",
        (d(layer.input), error, layer.w),
        f"{d(layer.input)} = {middle}{error} · {layer.w}ᵀ",
    )


def _convolution_back(layer: Convolution, last: Convolution) -> Iterator[Card]:
    error = d(layer.T)
    if layer.pooled_shape:
        yield _card(
            "N25",
            "Each error goes to the cell that was its window's maximum. Every other cell gets 0.",
            (error, d(layer.output), layer.T),
            f"{error} = {d(layer.output)} (rest zero-filled)",
        )
    if layer is last:
        yield _card(
            "N26",
            "The notes' own example of N2: an image of 3 × 3 × 3, one filter of 2 × 2.",
            ("R", "P", "F"),
        )
        yield _card(
            "N27",
            "How R11 answers to each weight of the filter: by the sum over depth that the weight was multiplied with.",
            ("∂R11/∂F", "P"),
        )
    relu = f"{error} = {d(layer.output)} ⊙ f'({layer.T})"
    filters = f"{d(layer.F)} = {layer.input} @ {error}"
    entering = f"{d(layer.input)} = {error} @ {layer.F}^{{ππ}}"
    if layer.index == 1 and not layer.mixing_shape:
        shown = (d(layer.F), d(layer.input), layer.input, layer.F)
        shown = (error, *((d(layer.output), layer.T) if not layer.pooled_shape else ()), *shown)
        yield _card(
            "N30",
            "The same three steps once more, down to the pixels: where each of them would raise E.",
            shown,
            *(() if layer.pooled_shape else (relu,)),
            filters,
            entering,
        )
        return
    if not layer.pooled_shape:
        yield _card(
            "N30",
            "Back through the ReLU: where T was not positive, nothing passes.",
            (error, d(layer.output), layer.T),
            relu,
        )
    if layer.mixing_shape:
        yield _card(
            "N34",
            "N28 and N29, a map at a time.",
            (d(layer.F), d(layer.S), layer.S, error, layer.F),
            f"{d(layer.F)}[·,·,k,n] = {layer.S}_k @ ({error})_n",
            f"{d(layer.S)}_k = Σ_n ({error})_n @ {layer.F}[·,·,k,n]^{{ππ}}",
        )
        yield _card(
            "N35",
            "How much E would change with each depth weight; and each depth gets the maps' errors, weighed.",
            (d(layer.alpha), d(layer.input), layer.input, d(layer.S), layer.alpha),
            f"{d(layer.alpha)}[c,k] = Σ_{{i,j}} {layer.input}[i,j,c] · {d(layer.S)}[i,j,k]",
            f"{d(layer.input)}_c = Σ_k {layer.alpha}[c,k] · {d(layer.S)}_k",
        )
        return
    yield _card(
        "N28",
        "The convolution again, the error maps in the filters' place: what lay under a weight, times the error there.",
        (d(layer.F), layer.input, error),
        f"{d(layer.F)} = {error} · ∂{layer.T}/∂{layer.F} = {filters.partition(' = ')[2]}",
    )
    yield _card(
        "N29",
        "Each error map, with a border of zeros, meets its filter turned by 180°; their sum is one map, the same at "
        "every depth.",
        (d(layer.input), error, layer.F),
        entering,
    )
