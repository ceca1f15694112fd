"""Export a model to ONNX Runtime: the same probabilities from a program without handgrad."""

import json
from pathlib import Path

import numpy as np
import onnxruntime
from sklearn.datasets import load_digits

from handgrad import HandgradClassifier
from handgrad.export import onnx

digits = load_digits()
images = (digits.images * 255 / 16).round().astype("uint8")[..., np.newaxis]
classifier = HandgradClassifier(max_iter=10, random_state=0).fit(images, digits.target)
made = onnx.export(classifier.model_)
Path("digits.onnx").write_bytes(made.content)

session = onnxruntime.InferenceSession("digits.onnx")
classes = json.loads(session.get_modelmeta().custom_metadata_map["classes"])
(probabilities,) = session.run(["probabilities"], {"images": images[:5]})
print("the first five digits are", *(classes[row.argmax()] for row in probabilities))

difference = np.abs(probabilities - classifier.predict_proba(images[:5])).max()
print("the same as handgrad within 1e-5:", bool(difference < 1e-5))
