"""Train on a folder of class folders, save the model, and predict one file.

Run it on your own folder, ``python examples/own_pictures.py photos/``; without one it paints rings and crosses.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from handgrad import HandgradClassifier, model_file
from handgrad.data import load
from handgrad.data.image_file import read_image


def paint(folder: Path) -> None:
    """Paint 60 rings and 60 crosses of any position and size."""
    rng = np.random.default_rng(0)
    for kind in ("cross", "ring"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        for number in range(60):
            picture = Image.new("L", (28, 28), 255)
            x, y, r = rng.integers((9, 9, 5), (19, 19, 9)).tolist()
            if kind == "ring":
                ImageDraw.Draw(picture).ellipse((x - r, y - r, x + r, y + r), outline=0, width=2)
            else:
                for slope in (-1, 1):
                    ImageDraw.Draw(picture).line((x - r, y - slope * r, x + r, y + slope * r), fill=0, width=2)
            picture.save(folder / kind / f"{number}.png")


folder = Path(sys.argv[1] if len(sys.argv) > 1 else "pictures")
if not folder.exists():
    paint(folder)

data = load(str(folder))
names = np.array(data.classes)
print(f"{len(data.train)} training images, {len(data.test)} test images; classes {', '.join(names)}")
classifier = HandgradClassifier(max_iter=20, random_state=0).fit(data.train.images, names[data.train.labels])
print(f"{classifier.score(data.test.images, names[data.test.labels]):.0%} of the test images are classified correctly")
model_file.save(classifier.model_, "pictures.safetensors")

model = model_file.load("pictures.safetensors")
path = min(folder.glob(f"{names[0]}/*"))
height, width, channels = model.architecture.input_shape
(probabilities,) = model.predict(read_image(path, (height, width), channels)[np.newaxis])
print(f"{path} is a {model.classes[probabilities.argmax()]}")
