"""Names of classes and files, and what a model says of itself, drawn to be trouble, in every way out."""

from __future__ import annotations

import random
import sys
import traceback
from pathlib import Path

from tools.fuzz import names
from tools.reliability.trial import Outcome

SECTION = "Text from elsewhere"
TITLE = (
    "A model with names of classes, a file name and a provenance of any JSON type, drawn from terminal sequences, NUL, "
    "line breaks, marks of direction, bytes that are no text, script, markup, formulas and 10,000 letters, is written "
    "in every way there is: nothing acts on its reader, and every file that programs read has the exact name"
)
FOUND = (
    "`info`, `explain` and the tables printed what a name held, and a bracket in a key of the provenance ended `info` "
    "with a traceback, as a list where an object was expected ended the report. Text is now escaped in one module, "
    "and each way out passes through it once: the console, errors and warnings, CSV, JSON, HTML, the page, C. "
    "Provenance is made plain where a model is made."
)
_MODELS = 300


def trial(folder: Path) -> Outcome:
    """Count the texts of many models."""
    rng = random.Random(0)
    tried = held = 0
    for number in range(_MODELS):
        model, file = names.draw_model(rng), names.draw(rng)
        # The report takes most of the time, for its figure.
        ways = (names.ways_out if number % 8 == 0 else names.quick_ways_out)(model, file, folder)
        while True:
            try:
                way = next(ways, None)
                if way is None:
                    break
                tried += 1
                names.check(model, way)
                held += 1
            except Exception:
                tried += 1
                traceback.print_exc(file=sys.stderr)
                break
    return Outcome(tried, held, f"texts about {_MODELS} models")
