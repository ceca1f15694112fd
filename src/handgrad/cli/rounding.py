"""The accuracy that weights of eight bits cost a model."""

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
    """Measure a model on images that it has not learned from, and with `int8` its rounded weights as well.

    Without a source, they are those of its training; if that cannot be used, return None, with a notice.
    """
    remedy = "give --data SOURCE to measure what int8 costs"
    data = model.provenance.get("data")
    origin = source or (data.get("source") if isinstance(data, dict) else None)
    if not isinstance(origin, str):
        display.notice(f"the model does not say what it was trained on; {remedy}")
        return None
    try:
        samples, part, _ = shown_unseen(model, origin, cache.chosen(None))
    except DataError as error:
        if source:
            raise
        display.notice(f"{error}; {remedy}")
        return None
    if part == "all" and not source:
        display.notice(f"it is not known which images of {origin} the model has learned from; {remedy}")
        return None
    engine = engines.create(engines.ENGINES[0], model.standardization, architecture=model.architecture)
    kernels.prepare(engine, model.parameters, samples.images.dtype)
    shares = []
    for each in (model, replace(model, parameters=rounded(model.parameters)))[: 1 + int8]:
        with display.counting("Evaluating") as progress:
            probabilities = each.predict(samples.images, engine, progress=progress)
        shares.append(float((probabilities.argmax(axis=1) == samples.labels).mean()))
    return Accuracy(origin, WORDS[part], len(samples), *shares)
