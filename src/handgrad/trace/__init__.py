"""Both passes over one image in float64: every tensor by its name, and how each follows from those before it."""

from handgrad.trace.document import to_document
from handgrad.trace.passes import Trace, trace

__all__ = ["Trace", "to_document", "trace"]
