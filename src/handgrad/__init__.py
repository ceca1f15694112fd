"""handgrad: a convolutional network whose every forward and backward step is an equation worked out by hand."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from handgrad.errors import HandgradError

if TYPE_CHECKING:
    from handgrad.architecture import Architecture
    from handgrad.estimator import HandgradClassifier
    from handgrad.model import Model
    from handgrad.parameters import Parameters
    from handgrad.training import Recipe

__version__ = "0.1.0"

__all__ = ["Architecture", "HandgradClassifier", "HandgradError", "Model", "Parameters", "Recipe", "__version__"]

# Loaded when they are asked for: scikit-learn takes a second to import, and NumPy a quarter, in which the command line
# could not answer Ctrl-C.
_LATER = {
    "Architecture": "handgrad.architecture",
    "HandgradClassifier": "handgrad.estimator",
    "Model": "handgrad.model",
    "Parameters": "handgrad.parameters",
    "Recipe": "handgrad.training",
}


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(import_module(_LATER[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
