"""A program of a user of handgrad, which type checkers read from outside."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from handgrad import Architecture, HandgradClassifier, HandgradError, Model, Parameters, Recipe, model_file
from handgrad.data import load
from handgrad.export import export
from handgrad.notes import network
from handgrad.runs import TrainingOptions, train
from handgrad.trace import trace


def classify(images: NDArray[np.uint8], labels: NDArray[np.int64]) -> float:
    classifier = HandgradClassifier(stages=((8,),), max_iter=3, random_state=0).fit(images, labels)
    model: Model = classifier.model_
    probabilities = classifier.predict_proba(images)
    return float(probabilities.max()) + model.architecture.parameter_count


def by_hand() -> tuple[int, ...]:
    architecture = Architecture(input_shape=(8, 8, 1), classes=10, stages=((4,),))
    parameters = Parameters.draw(architecture, np.random.default_rng(0), "float64")
    values = network.forward(parameters, np.zeros((1, 8, 8, 1)), np.array([3]))
    return values["z"].shape


def from_the_command_line(out: Path) -> dict[str, object]:
    try:
        result = train(TrainingOptions(source="digits", recipe=Recipe(epochs=1)), out)
    except HandgradError as error:
        return {"error": str(error)}
    model_file.save(result.model, out / "copy.safetensors")
    export(result.model, out / "model.onnx")
    first = load("digits").test.images[0]
    return {"report": result.report, "trace": trace(result.model, first, 0)}
