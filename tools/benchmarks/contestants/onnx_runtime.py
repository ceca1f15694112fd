"""ONNX Runtime: prediction only, from a graph written by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from handgrad.parameters import Parameters
from tools.benchmarks.contestants.contestant import Contestant, channels_first, forms
from tools.benchmarks.machine import cores
from tools.benchmarks.networks import Network


def variants(network: Network) -> tuple[str, ...]:
    """Return each form of the convolutions with one thread and with all."""
    written = forms(network.start(peers=True).architecture)
    counts = sorted({1, cores()})
    return tuple(f"ONNX Runtime, {form}, {count} thread{'s'[: count > 1]}" for form in written for count in counts)


def build(network: Network, variant: str) -> Contestant:
    """Make the variant of that name."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = int(variant.split()[-2])
    graph = _graph(network.start(peers=True), expanded="expanded" in variant)
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    X = np.ascontiguousarray(network.X.transpose(0, 3, 1, 2))
    one = X[:1].copy()
    return Contestant(
        predict=lambda: session.run(None, {"X": X})[0], predict_one=lambda: session.run(None, {"X": one})[0]
    )


def _graph(parameters: Parameters, expanded: bool) -> bytes:
    architecture, arrays = parameters.architecture, channels_first(parameters)
    nodes: list[Any] = []
    height, width, depth = architecture.input_shape
    x = "X"

    def then(operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    for conv in architecture.convolutions:
        entering, tied = conv.input_shape[2], arrays[conv.F].shape[1] == 1
        if entering > 1 and tied and expanded:
            arrays[conv.F] = np.repeat(arrays[conv.F], entering, axis=1)
        elif entering > 1 and tied:
            x = then("ReduceSum", [x, "depth_axis"], conv.S, keepdims=1)
        x = then("Conv", [x, conv.F], conv.T)
        if conv.pooled_shape:
            p = architecture.pooling
            x = then("MaxPool", [x], conv.output, kernel_shape=[p, p], strides=[p, p])
        else:
            x = then("Relu", [x], conv.output)
    x = then("Flatten", [x], "x'")
    for dense in architecture.denses:
        x = then("Gemm", [x, dense.w, dense.b], dense.t, transB=1)
        x = then("Softmax", [x], "z", axis=1) if dense.last else then("Relu", [x], dense.output)
    constants = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
    if any(node.op_type == "ReduceSum" for node in nodes):
        constants.append(numpy_helper.from_array(np.array([1], np.int64), "depth_axis"))
    entering_image = helper.make_tensor_value_info("X", TensorProto.FLOAT, ["batch", depth, height, width])
    leaving = helper.make_tensor_value_info("z", TensorProto.FLOAT, ["batch", architecture.classes])
    graph = helper.make_graph(nodes, "network", [entering_image], [leaving], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())
