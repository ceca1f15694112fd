"""The accuracy that weights of eight bits cost a model."""

from __future__ import annotations

from dataclasses import replace

from handgrad import engine as engines
from handgrad.cli import cache, display, kernels
from handgrad.cli.unseen import EMBEDDED, request, shown_unseen, trained_on
from handgrad.export.c import Accuracy
from handgrad.export.quantization import rounded
from handgrad.model import Model
from handgrad.report.unseen import WORDS


def measured(model: Model, source: str | None, int8: bool) -> Accuracy | None:
    """Measure a model on images that it has not learned from, and with `int8` its rounded weights as well.

    Without a source, they are the digits if it was trained on these; else return None, with a notice.
    """
    remedy = f"give {request(model, '--data')} to measure what int8 costs"
    origin = source or trained_on(model)
    if origin is None:
        display.notice(f"the model does not say what it was trained on; {remedy}")
        return None
    if not source and origin != EMBEDDED:
        display.notice(f"a source that only the model names is not opened; {remedy}")
        return None
    samples, part, _ = shown_unseen(model, origin, cache.chosen(None))
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
