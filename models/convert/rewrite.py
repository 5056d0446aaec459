"""Rewrites a graph into an equal one that tract runs faster: rewrite.py NET.onnx OUT.onnx [WIDTHxHEIGHT]

With a size, the input is fixed to it first (YuNet's file says 640x640; every multiple of 32 will do).

PReLU        with slopes a <= 1: Max(x, a*x); otherwise x + (a-1)*Min(x, 0). The factor of each channel is
             written as a depthwise 1x1 convolution: an element-wise product with a 1xCx1x1 tensor takes a
             slow path in tract. Max(x, a*x) alone would be wrong for slopes above 1, and both nets have some.
MaxPool 2x2  Max of the even and the odd rows (lying side by side after a reshape), then MaxPool 1x2.
Relu         before a MaxPool moves behind it, where there is a quarter of the work; both only grow with x.
"""

import sys

import numpy as np
import onnx
from onnx import helper, numpy_helper, shape_inference


class Rewriter:
    def __init__(self, model):
        self.model = shape_inference.infer_shapes(model)
        self.graph = self.model.graph
        self.constants = {c.name: numpy_helper.to_array(c) for c in self.graph.initializer}
        self.shapes = {
            v.name: [d.dim_value for d in v.type.tensor_type.shape.dim]
            for v in [*self.graph.value_info, *self.graph.input, *self.graph.output]
        }
        self.nodes, self.added = [], []

    def constant(self, values):
        name = f"k{len(self.added)}"
        self.added.append(numpy_helper.from_array(values, name))
        return name

    def node(self, operator, inputs, output=None, **attributes):
        output = output or f"r{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def scaled(self, x, factors):
        kernel = self.constant(factors.astype(np.float32).reshape(-1, 1, 1, 1))
        return self.node("Conv", [x, kernel], group=factors.size, kernel_shape=[1, 1])

    def prelu(self, node):
        (x, slopes), slopes_values = node.input, self.constants[node.input[1]].ravel()
        if (slopes_values <= 1).all():
            self.node("Max", [x, self.scaled(x, slopes_values)], node.output[0])
        else:
            negative = self.node("Min", [x, self.constant(np.zeros((1, 1, 1, 1), np.float32))])
            self.node("Add", [x, self.scaled(negative, slopes_values - 1)], node.output[0])

    def max_pool(self, x, output):
        batch, channels, rows, columns = self.shapes[x]
        assert rows % 2 == 0 and columns % 2 == 0
        paired = np.array([batch, channels, rows // 2, 2 * columns])
        pairs = self.node("Reshape", [x, self.constant(paired)])
        bounds = [self.constant(np.array([i])) for i in (0, columns, 2 * columns)]
        axis = self.constant(np.array([3]))
        even = self.node("Slice", [pairs, bounds[0], bounds[1], axis])
        odd = self.node("Slice", [pairs, bounds[1], bounds[2], axis])
        return self.node("MaxPool", [self.node("Max", [even, odd])], output, kernel_shape=[1, 2], strides=[1, 2])

    def relus_before_pools(self):
        """The Relu nodes whose only reader is a MaxPool, by the name of their output."""
        readers = {}
        for node in self.graph.node:
            for name in node.input:
                readers.setdefault(name, []).append(node.op_type)
        return {
            n.output[0]: n
            for n in self.graph.node
            if n.op_type == "Relu" and readers.get(n.output[0]) == ["MaxPool"]
        }

    def run(self):
        moved = self.relus_before_pools()
        for node in self.graph.node:
            if node.output[0] in moved:
                continue
            if node.op_type == "PRelu":
                self.prelu(node)
            elif node.op_type == "MaxPool":
                attributes = {a.name: list(helper.get_attribute_value(a)) for a in node.attribute if a.name != "ceil_mode"}
                assert attributes["kernel_shape"] == attributes["strides"] == [2, 2]
                assert not any(attributes.get("pads", []))
                relu = moved.get(node.input[0])
                if relu is None:
                    self.max_pool(node.input[0], node.output[0])
                else:
                    self.node("Relu", [self.max_pool(relu.input[0], None)], node.output[0])
            else:
                self.nodes.append(node)
        used = {name for node in self.nodes for name in node.input}
        kept = [c for c in self.graph.initializer if c.name in used] + self.added
        for field, values in (("node", self.nodes), ("initializer", kept), ("value_info", [])):
            getattr(self.graph, field).clear()
            getattr(self.graph, field).extend(values)
        onnx.checker.check_model(self.model)
        return self.model


def fix_size(model, width, height):
    sizes = model.graph.input[0].type.tensor_type.shape.dim
    sizes[2].dim_value, sizes[3].dim_value = height, width
    # The shapes that the file declares further on belong to 640x640.
    model.graph.value_info.clear()
    for output in model.graph.output:
        output.type.tensor_type.shape.Clear()
    return model


if __name__ == "__main__":
    net = onnx.load(sys.argv[1])
    if len(sys.argv) > 3:
        net = fix_size(net, *map(int, sys.argv[3].split("x")))
    onnx.save(Rewriter(net).run(), sys.argv[2])
