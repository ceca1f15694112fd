"""A model's answers for any number of pictures: the rows, their files, and what remains to be answered."""

from handgrad.answers.answering import Answer, Answerer, Manner
from handgrad.answers.prediction import Summary, predict
from handgrad.answers.watch import watch

__all__ = ["Answer", "Answerer", "Manner", "Summary", "predict", "watch"]
