"""handgrad: a convolutional network whose every forward and backward step is an equation worked out by hand."""

from handgrad.architecture import Architecture
from handgrad.errors import HandgradError
from handgrad.parameters import Parameters

__version__ = "0.1.0"

__all__ = ["Architecture", "HandgradError", "Parameters", "__version__"]
