"""A model as an ONNX graph: pixels in, class probabilities out.

The operators are the standard's own, in the order of the notes, and the tensors carry the notes' names. ONNX wants the
depth before the rows: the pixels are turned once, and the weights of x' lie in that order.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handgrad import __version__
from handgrad.architecture import Architecture
from handgrad.errors import InputError
from handgrad.export import Export, Tensor
from handgrad.model import Model

try:
    import onnx
    from onnx import helper, numpy_helper
except ImportError as error:
    raise InputError(
        "package", "onnx", f"is needed for ONNX files ({error})", "install it: pip install 'handgrad[onnx]'"
    ) from error

OPSET = 13
"""The first whose ReduceSum and Softmax are those of today: old and new runtimes read the same."""
IR_VERSION = 7
"""That of the first release with this opset."""
_LARGEST = 2**31 - 2**24
"""Bytes of numbers for which protobuf's limit of 2 GiB a file leaves room."""


def export(model: Model) -> Export:
    """The ONNX file of a model; equal models give equal bytes.

    Parameters
    ----------
    model : Model
        One of float64 is computed in float32 too: ONNX Runtime has no convolution of float64 for processors.

    Returns
    -------
    Export
        Input ``images``, uint8 (batch, height, width, depth); output ``probabilities``, float32 (batch, classes).

    Raises
    ------
    InputError
        If the model is too large for the format, or a number of it for float32.

    Examples
    --------
    >>> from handgrad.parameters import Parameters
    >>> from handgrad.standardization import Standardization
    >>> network = Parameters.zeros(Architecture(input_shape=(6, 6, 1)))
    >>> made = export(Model(network, ("free", "defect"), Standardization((0.0,), (1.0,))))
    >>> made.outputs
    (Tensor(name='probabilities', dtype='float32', shape=('batch', 2)),)
    """
    architecture = model.architecture
    if 4 * architecture.parameter_count > _LARGEST:
        rule = "an ONNX file holds at most 2 GiB"
        raise InputError("model", f"{architecture.parameter_count:,} parameters", rule, "train a smaller network")
    images = Tensor("images", "uint8", ("batch", *architecture.input_shape))
    probabilities = Tensor("probabilities", "float32", ("batch", architecture.classes))
    nodes = _nodes(architecture, images.name, probabilities.name)
    used = {name for node in nodes for name in node.input}
    graph = helper.make_graph(
        nodes,
        "handgrad",
        [_value(images, "Pixels from 0 to 255, row by row; three depths are red, green and blue.")],
        [_value(probabilities, "Each image's probability of each class; metadata: classes.")],
        [numpy_helper.from_array(array, name) for name, array in _constants(model).items() if name in used],
    )
    made = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="handgrad",
        producer_version=__version__,
        doc_string="An image classifier. Its metadata name its classes, in the order of the probabilities, as JSON.",
    )
    # ONNX Runtime hides the producer's version.
    told = {"handgrad": __version__} | model.to_dict()
    helper.set_model_props(made, {name: json.dumps(value) for name, value in told.items()})
    onnx.checker.check_model(made, full_check=True)
    content = made.SerializeToString(deterministic=True)
    return Export(content, (images,), (probabilities,), {"opset": OPSET}, (f"opset {OPSET}",))


def _value(tensor: Tensor, told: str) -> onnx.ValueInfoProto:
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(tensor.dtype))
    return helper.make_tensor_value_info(tensor.name, kind, tensor.shape, told)


class _Chain:
    """Nodes in a row: each takes what the one before made, and constants."""

    def __init__(self, x: str) -> None:
        self.x = x
        self.nodes: list[onnx.NodeProto] = []

    def then(self, operator: str, output: str, *constants: str, **attributes: Any) -> None:
        self.nodes.append(helper.make_node(operator, [self.x, *constants], [output], name=output, **attributes))
        self.x = output


def _nodes(architecture: Architecture, images: str, probabilities: str) -> list[onnx.NodeProto]:
    chain = _Chain(images)
    chain.then("Transpose", "pixels", perm=[0, 3, 1, 2])
    chain.then("Cast", "values", to=onnx.TensorProto.FLOAT)
    chain.then("Sub", "centered", "mean")
    chain.then("Div", "X", "std")
    for conv in architecture.convolutions:
        if conv.mixing_shape:
            chain.then("Conv", conv.S, conv.alpha)  # N32
        elif conv.input_shape[2] > 1:
            chain.then("ReduceSum", conv.S, "depth", keepdims=1)  # N2: sum over the depth
        chain.then("Conv", conv.T, conv.F)  # N3, N6, N33
        if conv.pooled_shape:
            window = [architecture.pooling] * 2
            chain.then("MaxPool", conv.output, kernel_shape=window, strides=window)  # N7
        else:
            chain.then("Relu", conv.output)  # N5
    chain.then("Flatten", "x")  # N10
    for dense in architecture.denses:
        chain.then("Gemm", _identifier(dense.t), dense.w, dense.b)  # N11, N13
        if dense.last:
            chain.then("Softmax", probabilities, axis=1)  # N14
        else:
            chain.then("Relu", _identifier(dense.output))  # N12
    return chain.nodes


def _identifier(name: str) -> str:
    """A name of the notes as ONNX allows it: t1 for t1'."""
    return name.rstrip("'")


def _constants(model: Model) -> dict[str, NDArray[Any]]:
    """What the nodes refer to, in float32 and with the depth before the rows."""
    architecture, parameters = model.architecture, model.parameters
    arrays = {
        "mean": np.reshape(model.standardization.mean, (-1, 1, 1)),
        "std": np.reshape(model.standardization.std, (-1, 1, 1)),
        **parameters,
    }
    for conv in architecture.convolutions:
        k1, k2, *_, filters = conv.filter_shape
        arrays[conv.F] = parameters[conv.F].reshape(k1, k2, -1, filters).transpose(3, 2, 0, 1)
        if conv.mixing_shape:
            arrays[conv.alpha] = parameters[conv.alpha].T[:, :, None, None]
    first = architecture.denses[0].w
    rows = np.arange(architecture.flat).reshape(architecture.convolutions[-1].pooled_shape or ())
    arrays[first] = parameters[first][rows.transpose(2, 0, 1).ravel()]
    return {name: _single(array) for name, array in arrays.items()} | {"depth": np.array([1])}


def _single(array: NDArray[Any]) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):
        single = array.astype(np.float32)
    if not np.isfinite(single).all():
        raise InputError("model", array.dtype, "a number of it is too large for float32", "train it as float32")
    return np.ascontiguousarray(single)
