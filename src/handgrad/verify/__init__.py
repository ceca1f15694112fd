"""The proof: every backward line against central finite differences in float64."""

from handgrad.verify.check import LineCheck, check, check_engine, networks_of_the_notes
from handgrad.verify.difference import COORDINATES, TOLERANCE

__all__ = ["COORDINATES", "TOLERANCE", "LineCheck", "check", "check_engine", "networks_of_the_notes"]
