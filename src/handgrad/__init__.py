"""handgrad: a convolutional network whose every forward and backward step is an equation worked out by hand."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from handgrad.architecture import Architecture
from handgrad.errors import HandgradError
from handgrad.parameters import Parameters

if TYPE_CHECKING:
    from handgrad.estimator import HandgradClassifier
    from handgrad.model import Model
    from handgrad.training import Recipe

__version__ = "0.1.0"

__all__ = ["Architecture", "HandgradClassifier", "HandgradError", "Model", "Parameters", "Recipe", "__version__"]

# Loaded when they are asked for: scikit-learn takes a second to import.
_LATER = {"HandgradClassifier": "handgrad.estimator", "Model": "handgrad.model", "Recipe": "handgrad.training"}


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(import_module(_LATER[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
