"""handgrad: a convolutional network whose every forward and backward step is an equation worked out by hand."""

from typing import TYPE_CHECKING, Any

from handgrad.architecture import Architecture
from handgrad.errors import HandgradError
from handgrad.parameters import Parameters

if TYPE_CHECKING:
    from handgrad.estimator import HandgradClassifier

__version__ = "0.1.0"

__all__ = ["Architecture", "HandgradClassifier", "HandgradError", "Parameters", "__version__"]


def __getattr__(name: str) -> Any:
    # Loaded when it is asked for: scikit-learn takes a second to import.
    if name == "HandgradClassifier":
        from handgrad.estimator import HandgradClassifier

        return HandgradClassifier
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
