"""The network as a scikit-learn classifier."""

from handgrad.estimator.classifier import HandgradClassifier

__all__ = ["HandgradClassifier"]
