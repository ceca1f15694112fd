"""What weights of eight bits cost a model, measured."""

from __future__ import annotations

from dataclasses import replace

from handgrad import engine as engines
from handgrad.cli import cache, display, kernels
from handgrad.cli.unseen import shown_unseen
from handgrad.errors import DataError
from handgrad.export.c import Accuracy
from handgrad.export.quantization import rounded
from handgrad.model import Model
from handgrad.report.unseen import WORDS


def measured(model: Model, source: str | None, int8: bool) -> Accuracy | None:
    """The model's accuracy on images that it has not learned from, and with `int8` that of its rounded weights.

    Parameters
    ----------
    model : Model
    source : str, optional
        Where the images come from; what the model was trained on if left out.
    int8 : bool
        Whether its weights are rounded.

    Returns
    -------
    Accuracy or None
        None, with a notice, where no source is given, and that of the training cannot be used.

    Raises
    ------
    DataError
        If the given source cannot be used.
    """
    remedy = "give --data SOURCE to measure what int8 costs"
    origin = model.provenance.get("data")
    place = source or (origin.get("source") if isinstance(origin, dict) else None)
    if not isinstance(place, str):
        display.notice(f"the model does not tell what it was trained on; {remedy}")
        return None
    try:
        samples, part, _ = shown_unseen(model, place, cache.chosen(None))
    except DataError as error:
        if source:
            raise
        display.notice(f"{error}; {remedy}")
        return None
    if part == "all" and not source:
        display.notice(f"it is not known which images of {place} the model has learned from; {remedy}")
        return None
    engine = engines.create(engines.ENGINES[0], model.standardization, architecture=model.architecture)
    kernels.compile_for_predictions(model, samples.images, engine)
    shares = []
    for each in (model, replace(model, parameters=rounded(model.parameters)))[: 1 + int8]:
        with display.counting("Evaluating") as progress:
            probabilities = each.predict(samples.images, engine, progress=progress)
        shares.append(float((probabilities.argmax(axis=1) == samples.labels).mean()))
    return Accuracy(place, WORDS[part], len(samples), *shares)
