"""A model as an ONNX graph: pixels in, class probabilities out.

The operators are standard ones, from the table of operations, and the tensors keep the notes' names. ONNX puts the
channels before the rows: the pixels are transposed once, and the rows of the weights that read x' are stored to match.
"""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handgrad import __version__
from handgrad.errors import InputError
from handgrad.export import Export, Tensor
from handgrad.export.support import prediction_nodes
from handgrad.graph import GIVEN
from handgrad.model import Model
from handgrad.notes.operations import OPERATIONS

try:
    import onnx
    from onnx import helper, numpy_helper
except ImportError as error:
    rule = f"is needed for ONNX files ({error})"
    raise InputError("package", "onnx", rule, "install it: pip install 'handgrad[onnx]'") from error

OPSET = 13
"""The first with today's ReduceSum and Softmax, so that old and new runtimes compute the same."""
IR_VERSION = 7
"""The version of the first release with this opset."""
_FORMS = {name: operation.onnx for name, operation in OPERATIONS.items() if operation.onnx}
_LARGEST = 2**31 - 2**24
"""Bytes of weights: protobuf's limit is 2 GiB per file."""


def export(model: Model) -> Export:
    """Make the ONNX file of a model; equal models give equal bytes.

    Parameters
    ----------
    model : Model
        A float64 model becomes float32: ONNX Runtime has no float64 convolution for CPUs.

    Returns
    -------
    Export
        Input ``images``, uint8 (batch, height, width, channels); output ``probabilities``, float32 (batch, classes).

    Raises
    ------
    InputError
        If the model is too large for the format, or one of its numbers for float32.

    Examples
    --------
    >>> from handgrad.architecture import Architecture
    >>> from handgrad.parameters import Parameters
    >>> from handgrad.standardization import Standardization
    >>> network = Parameters.zeros(Architecture(input_shape=(6, 6, 1)))
    >>> made = export(Model(network, ("free", "defect"), Standardization((0.0,), (1.0,))))
    >>> made.outputs
    (Tensor(name='probabilities', dtype='float32', shape=('batch', 2)),)
    """
    model = model.of_pictures()
    architecture = model.architecture
    if 4 * architecture.parameter_count > _LARGEST:
        rule = "an ONNX file holds at most 2 GiB"
        raise InputError("model", f"{architecture.parameter_count:,} parameters", rule, "train a smaller network")
    images = Tensor("images", "uint8", ("batch", *architecture.input_shape))
    probabilities = Tensor("probabilities", "float32", ("batch", architecture.classes))
    chain = _chain(model, images.name, probabilities.name)
    graph = helper.make_graph(
        chain.nodes,
        "handgrad",
        [_value(images, "Pixels from 0 to 255, row by row; three channels are red, green and blue.")],
        [_value(probabilities, "The probability of each class for each image; metadata: classes.")],
        [numpy_helper.from_array(array, name) for name, array in chain.constants.items()],
    )
    made = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="handgrad",
        producer_version=__version__,
        doc_string="An image classifier. Its metadata has its classes, in the order of the probabilities, as JSON.",
    )
    # ONNX Runtime hides the producer's version.
    metadata = {"handgrad": __version__} | model.to_dict()
    helper.set_model_props(made, {name: json.dumps(value) for name, value in metadata.items()})
    onnx.checker.check_model(made, full_check=True)
    content = made.SerializeToString(deterministic=True)
    return Export(content, (images,), (probabilities,), {"opset": OPSET}, (f"opset {OPSET}",))


def _value(tensor: Tensor, description: str) -> onnx.ValueInfoProto:
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(tensor.dtype))
    return helper.make_tensor_value_info(tensor.name, kind, tensor.shape, description)


class _Chain:
    """Nodes in a row, each of which reads the output of the one before, and their constants."""

    def __init__(self, x: str) -> None:
        self.x = x
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, NDArray[Any]] = {}

    def then(self, operator: str, output: str, *constants: str, **attributes: Any) -> None:
        self.nodes.append(helper.make_node(operator, [self.x, *constants], [output], name=output, **attributes))
        self.x = output


def _chain(model: Model, images: str, probabilities: str) -> _Chain:
    chain = _Chain(images)
    chain.then("Transpose", "pixels", perm=[0, 3, 1, 2])
    chain.then("Cast", "values", to=onnx.TensorProto.FLOAT)
    chain.then("Sub", "centered", "mean")
    chain.then("Div", "X", "std")
    for name, figures in model.standardization.to_dict().items():
        chain.constants[name] = _single(np.reshape(figures, (-1, 1, 1)))
    shapes: dict[str, tuple[int, ...]] = {}
    rows: NDArray[np.intp] | slice = slice(None)
    for node in prediction_nodes(model.architecture, "ONNX", _FORMS):
        shapes[node.name] = node.shape
        if node.operation in GIVEN:
            continue
        form = _FORMS[node.operation]
        if form.sums_channels and shapes[node.inputs[0]][2] > 1:
            chain.then("ReduceSum", f"{node.inputs[0]}_sum", "channels", keepdims=1)
            chain.constants["channels"] = np.array([1])
        for name in node.inputs[1:]:
            weight = form.layout(model.parameters[name])
            # After a Flatten, the rows of the weights are in ONNX's order of the tensor before it.
            chain.constants[name] = _single(weight[rows] if weight.ndim == 2 else weight)
        # Names in ONNX are identifiers: t1 for t1'.
        output = probabilities if node.name == "z" else node.name.rstrip("'")
        chain.then(form.operator, output, *node.inputs[1:], **form.attributes(node.options))
        if form.operator == "Flatten":
            shape = shapes[node.inputs[0]]
            rows = np.arange(math.prod(shape)).reshape(shape).transpose(2, 0, 1).ravel()
        elif form.operator == "Gemm":
            rows = slice(None)
    return chain


def _single(array: NDArray[Any]) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):
        single = array.astype(np.float32)
    if not np.isfinite(single).all():
        raise InputError("model", array.dtype, "one of its numbers is too large for float32", "train it as float32")
    return np.ascontiguousarray(single)
