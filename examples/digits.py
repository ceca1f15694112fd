"""Train on scanned digits in ten lines, and count how many of the others are recognized."""

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from handgrad import HandgradClassifier

digits = load_digits()
images, labels = (digits.images * 255 / 16).round().astype("uint8"), digits.target
train, test, train_labels, test_labels = train_test_split(images, labels, stratify=labels, random_state=0)
classifier = HandgradClassifier(random_state=0).fit(train, train_labels)
print(f"{classifier.score(test, test_labels):.0%} of {len(test)} new digits are recognized")
