"""Values that a notebook shows as HTML."""

from __future__ import annotations

from importlib import import_module


class Represented:
    """A value whose HTML in a notebook is written by ``handgrad.notebook``.

    Examples
    --------
    >>> from handgrad import Architecture
    >>> "480 parameters" in Architecture(input_shape=(6, 6, 1))._repr_html_()
    True
    """

    def _repr_html_(self) -> str:
        # By its name: what shows a value needs the graph and more, which are made of such values.
        html: str = import_module("handgrad.notebook").html(self)
        return html
