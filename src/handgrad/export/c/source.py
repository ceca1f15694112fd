"""A model as one C99 file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
import numpy as np

from handgrad import __version__
from handgrad.errors import InputError
from handgrad.export import Export, Tensor
from handgrad.export.c import literals, memory
from handgrad.export.c.parity import parity
from handgrad.export.quantization import rounded
from handgrad.export.support import prediction_nodes
from handgrad.graph import GIVEN
from handgrad.model import Model
from handgrad.text import shown


class Accuracy(NamedTuple):
    """The share of correct predictions on images that the model has not learned from.

    Attributes
    ----------
    source, split : str
        Where the images are from, and which of them: "test".
    images : int
        Their number.
    exact : float
        With the model's own weights.
    rounded : float, optional
        With int8 weights.
    """

    source: str
    split: str
    images: int
    exact: float
    rounded: float | None = None

    def __str__(self) -> str:
        where = f"on {self.images:,} images of {self.source} ({self.split})"
        if self.rounded is None:
            return f"accuracy {100 * self.exact:.2f} % {where}"
        rounded, exact = 100 * self.rounded, 100 * self.exact
        points = f"{exact:.2f} % without: {rounded - exact:+.2f} points"
        return f"accuracy {rounded:.2f} % with int8 weights, {points}, {where}"


def export(
    model: Model,
    *,
    name: str = "model.c",
    prefix: str | None = None,
    int8: bool = False,
    accuracy: Accuracy | None = None,
) -> Export:
    """Make the C file of a model. It allocates nothing, needs nothing but math.h, and says how much memory it needs.

    Parameters
    ----------
    model : Model
        A float64 model is computed in float as well.
    name : str
        Name of the file.
    prefix : str, optional
        The beginning of the names of its functions; by default the name of the file, as far as C allows.
    int8 : bool
        Store filters and dense weights in eight bits. The arithmetic remains float.
    accuracy : Accuracy, optional
        A measured accuracy for the head of the file.

    Returns
    -------
    Export
        A file of ASCII characters.

    Raises
    ------
    InputError
        If the prefix is not a name in C, the name of a class is too long for C, or the model has a number that no
        float can be, or so large ones that sums of floats overflow.

    Examples
    --------
    >>> from handgrad.architecture import Architecture
    >>> from handgrad.parameters import Parameters
    >>> from handgrad.standardization import Standardization
    >>> network = Parameters.zeros(Architecture(input_shape=(6, 6, 1)))
    >>> made = export(Model(network, ("free", "defect"), Standardization((0.0,), (1.0,))), name="tile.c")
    >>> b"int tile_predict(const uint8_t *pixels, float *probabilities);" in made.content
    True
    >>> made.details["ram_bytes"]
    240
    """
    model = model.of_pictures()
    prefix = _prefix_of(name) if prefix is None else prefix
    _check(model, prefix)
    nodes = prediction_nodes(model.architecture, "C", memory.OPERATIONS)
    needed = memory.measure(model, int8)
    source = _template().render(
        model=model,
        architecture=model.architecture,
        network=[node for node in nodes if node.operation not in GIVEN],
        name=name,
        prefix=prefix,
        int8=int8,
        accuracy=accuracy,
        tables=list(memory.tables(model, int8)),
        windows=memory.windows(model.architecture),
        memory=needed,
        parity=parity(model, rounded(model.parameters) if int8 else model.parameters),
        origin=_origin(model.provenance),
        version=__version__,
    )
    details = {
        "prefix": prefix,
        "weights": "int8" if int8 else "float32",
        "constants_bytes": needed.constants,
        "code_bytes_about": needed.code,
        "ram_bytes": needed.ram,
    }
    remarks = (
        f"flash {needed.constants:,} bytes of constants, and about {needed.code:,} of code",
        f"RAM {needed.ram:,} bytes, static",
        *([str(accuracy)] if accuracy else []),
    )
    return Export(
        content=source.encode("ascii"),
        inputs=(Tensor("pixels", "uint8", model.architecture.input_shape),),
        outputs=(Tensor("probabilities", "float32", (len(model.classes),)),),
        details=details | ({"accuracy": accuracy._asdict()} if accuracy else {}),
        remarks=remarks,
    )


def _prefix_of(file_name: str) -> str:
    name = re.sub(r"\W+", "_", Path(file_name).stem, flags=re.ASCII).strip("_")
    return name if name[:1].isalpha() else f"model_{name}".rstrip("_")


def _check(model: Model, prefix: str) -> None:
    """Refuse what C cannot express."""
    if not re.fullmatch(r"[A-Za-z]\w*", prefix, re.ASCII):
        raise InputError("prefix", prefix, "names in C begin with a letter; letters, digits and _ follow", "try model")
    for name in model.classes:
        if len(literals.utf8(name)) > literals.LONGEST_STRING:
            raise InputError("classes", f"{name[:20]}…", "a string in C has at most 4095 bytes", "shorten its name")
    figures, single = model.standardization, np.finfo(np.float32)
    largest = np.abs(np.concatenate([model.parameters.vector, figures.mean, figures.std])).max()
    # Not >, since NaN is no number that float has, either.
    if not (largest <= single.max and min(figures.std) >= single.tiny):
        rule = "holds numbers that no float can"
        raise InputError("model", model.parameters.vector.dtype, rule, "train it as float32")


def _origin(provenance: dict[str, Any]) -> Iterator[str]:
    """Yield what a person may want to know about the origin of a model, one line each."""
    for name in ("command", "data", "pixel_range", "file_ranges", "seed", "versions"):
        value = provenance.get(name)
        if isinstance(value, dict):
            value = ", ".join(f"{shown(key)} {shown(item)}" for key, item in value.items() if item is not None)
        if value is not None:
            yield f"{name}: {value if isinstance(value, str) else shown(value)}"


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("handgrad.export.c"),
        autoescape=False,  # all text goes through one of the filters below
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        braces=literals.braces,
        comment=literals.comment,
        dimensions=literals.dimensions,
        literal=literals.string,
        paragraph=literals.paragraph,
    )
    return environment.get_template("model.c.j2")
