"""Converts a float TFLite network to ONNX: from_tflite.py NET.tflite NET.onnx

Knows just the operators of MediaPipe's face_landmark and iris_landmark. The ONNX graph is laid out as
1 x channels x rows x columns throughout, its input included; the values are those of the TFLite graph.
"""

import sys

import numpy as np
import onnx
import tflite
from onnx import TensorProto, helper, numpy_helper

OPERATORS = {v: k for k, v in vars(tflite.BuiltinOperator).items() if isinstance(v, int)}
DTYPES = {
    tflite.TensorType.FLOAT32: np.float32,
    tflite.TensorType.FLOAT16: np.float16,
    tflite.TensorType.INT32: np.int32,
}
# TFLite counts axes as (batch, row, column, channel), the ONNX graph as (batch, channel, row, column).
CHANNELS_FIRST = [0, 3, 1, 2]
CHANNELS_LAST = [0, 2, 3, 1]


class Converter:
    def __init__(self, data):
        self.model = tflite.Model.GetRootAsModel(data, 0)
        self.graph = self.model.Subgraphs(0)
        self.nodes, self.constants, self.names = [], [], {}
        self.weights = {i: w for i in range(self.graph.TensorsLength()) if (w := self.buffer(i)) is not None}

    def shape(self, index):
        return [int(n) for n in self.graph.Tensors(index).ShapeAsNumpy()]

    def buffer(self, index):
        tensor = self.graph.Tensors(index)
        data = self.model.Buffers(tensor.Buffer()).DataAsNumpy()
        if isinstance(data, int) or len(data) == 0:
            return None
        return np.frombuffer(data.tobytes(), DTYPES[tensor.Type()]).reshape(self.shape(index))

    def constant(self, values):
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def node(self, operator, inputs, output=None, **attributes):
        output = output or f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def options(self, operator, kind):
        table, options = operator.BuiltinOptions(), kind()
        options.Init(table.Bytes, table.Pos)
        return options

    def activated(self, x, function):
        if function == tflite.ActivationFunctionType.NONE:
            return x
        if function == tflite.ActivationFunctionType.RELU:
            return self.node("Relu", [x])
        raise NotImplementedError(f"activation {function}")

    def window(self, source, target, options, rows, columns):
        """Strides and padding of a sliding window; SAME pads the end when the padding is odd."""
        strides = [options.StrideH(), options.StrideW()]
        before, after = [0, 0], [0, 0]
        if options.Padding() == tflite.Padding.SAME:
            for axis, size in enumerate((rows, columns)):
                reach = (self.shape(target)[1 + axis] - 1) * strides[axis] + size
                total = max(reach - self.shape(source)[1 + axis], 0)
                before[axis], after[axis] = total // 2, total - total // 2
        return {"strides": strides, "pads": before + after, "kernel_shape": [rows, columns]}

    def convolution(self, operator, inputs, output, depthwise):
        kind = tflite.DepthwiseConv2DOptions if depthwise else tflite.Conv2DOptions
        options, kernel = self.options(operator, kind), self.weights[inputs[1]]
        kernel = kernel.transpose(3, 0, 1, 2) if depthwise else kernel.transpose(CHANNELS_FIRST)
        group = self.shape(inputs[0])[3] if depthwise else 1
        window = self.window(inputs[0], output, options, *kernel.shape[2:])
        operands = [self.names[inputs[0]], self.constant(kernel), self.constant(self.weights[inputs[2]])]
        x = self.node("Conv", operands, group=group, **window)
        return self.activated(x, options.FusedActivationFunction())

    def convert(self, operator):
        code = self.model.OperatorCodes(operator.OpcodeIndex())
        name = OPERATORS[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
        inputs = [int(i) for i in operator.InputsAsNumpy()]
        output = int(operator.Outputs(0))
        if name == "DEQUANTIZE":
            self.weights[output] = self.weights[inputs[0]].astype(np.float32)
            return
        if name in ("CONV_2D", "DEPTHWISE_CONV_2D"):
            result = self.convolution(operator, inputs, output, name == "DEPTHWISE_CONV_2D")
        elif name == "ADD":
            options = self.options(operator, tflite.AddOptions)
            x = self.node("Add", [self.names[i] for i in inputs])
            result = self.activated(x, options.FusedActivationFunction())
        elif name == "MAX_POOL_2D":
            options = self.options(operator, tflite.Pool2DOptions)
            size = options.FilterHeight(), options.FilterWidth()
            window = self.window(inputs[0], output, options, *size)
            result = self.node("MaxPool", [self.names[inputs[0]]], **window)
        elif name == "PAD":
            padding = self.weights[inputs[1]][CHANNELS_FIRST].T.ravel().astype(np.int64)
            result = self.node("Pad", [self.names[inputs[0]], self.constant(padding)])
        elif name == "PRELU":
            slopes = self.weights[inputs[1]].reshape(-1, 1, 1)
            result = self.node("PRelu", [self.names[inputs[0]], self.constant(slopes)])
        elif name == "RESHAPE":
            x = self.names[inputs[0]]
            if len(self.shape(inputs[0])) == 4:
                x = self.node("Transpose", [x], perm=CHANNELS_LAST)
            result = self.node("Reshape", [x, self.constant(np.array(self.shape(output), np.int64))])
        else:
            raise NotImplementedError(f"operator {name}")
        self.names[output] = result

    def run(self):
        source = int(self.graph.Inputs(0))
        batch, rows, columns, channels = self.shape(source)
        self.names[source] = "input"
        for i in range(self.graph.OperatorsLength()):
            self.convert(self.graph.Operators(i))
        outputs = []
        for i in range(self.graph.OutputsLength()):
            index = int(self.graph.Outputs(i))
            name, flat = f"output_{i}", [1, int(np.prod(self.shape(index)))]
            self.node("Reshape", [self.names[index], self.constant(np.array(flat, np.int64))], name)
            outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, flat))
        inputs = [helper.make_tensor_value_info("input", TensorProto.FLOAT, [batch, channels, rows, columns])]
        graph = helper.make_graph(self.nodes, "net", inputs, outputs, self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
        model.ir_version = 8
        onnx.checker.check_model(model)
        return model


if __name__ == "__main__":
    with open(sys.argv[1], "rb") as file:
        onnx.save(Converter(file.read()).run(), sys.argv[2])
