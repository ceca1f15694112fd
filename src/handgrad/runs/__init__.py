"""A run: one training with its folder, from the options to the report; it prints nothing."""

from handgrad.runs.options import TrainingOptions
from handgrad.runs.run import Observer, Run, prepare
from handgrad.runs.train import Result, resume, train

__all__ = ["Observer", "Result", "Run", "TrainingOptions", "prepare", "resume", "train"]
