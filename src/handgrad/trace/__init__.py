"""Both passes over one image in float64, every tensor by its name, and how each comes from the ones before it."""

from handgrad.trace.document import to_document
from handgrad.trace.nodes import Node, derivative, example_nodes, network_nodes
from handgrad.trace.passes import Trace, trace

__all__ = ["Node", "Trace", "derivative", "example_nodes", "network_nodes", "to_document", "trace"]
