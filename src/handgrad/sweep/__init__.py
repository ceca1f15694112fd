"""Sweeps: many trainings with options drawn from a space, and the best of them."""

from handgrad.sweep.processes import Processes
from handgrad.sweep.space import Distribution, Space, read
from handgrad.sweep.sweep import Sweep
from handgrad.sweep.trials import Trial

__all__ = ["Distribution", "Processes", "Space", "Sweep", "Trial", "read"]
