"""Export a model as one C file, which fits a microcontroller; compiled here, it classifies raw pixels."""

import subprocess
from pathlib import Path

from sklearn.datasets import load_digits

from handgrad import HandgradClassifier
from handgrad.export import c

digits = load_digits()
images = (digits.images * 255 / 16).round().astype("uint8")
classifier = HandgradClassifier(hidden_layer_sizes=(16,), stages=((8, 8),), max_iter=10, random_state=0)
classifier.fit(images, digits.target)

made = c.export(classifier.model_, prefix="digits", int8=True)
Path("digits.c").write_bytes(made.content)
print(*made.remarks, sep="\n")

build = ["cc", "-std=c99", "-O2", "-DHANDGRAD_MAIN", "digits.c", "-lm", "-o", "digits"]
subprocess.run(build, check=True)
ran = subprocess.run(["./digits"], input=images[:1].tobytes(), capture_output=True, check=True)
print(ran.stdout.decode().strip())
