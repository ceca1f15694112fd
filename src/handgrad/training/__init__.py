"""Training: the recipe, the optimizer, the schedule and the loop."""

from handgrad.training.loop import Callback, Epoch, State, Step, train
from handgrad.training.recipe import Recipe

__all__ = ["Callback", "Epoch", "Recipe", "State", "Step", "train"]
