"""Writes the small classifiers of tests/models/compat: old opsets, number formats, layouts and outputs that people export.

    pip install onnx==1.23.2 onnxruntime==1.32.0 onnxconverter-common==1.16.0
    python scripts/compat-models/make.py tests/models/compat

Weights are random with a fixed seed, so that running it again changes nothing.
"""

import os
import sys
import tempfile

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FLOAT = TensorProto.FLOAT


class Net:
    """Collects nodes and weights; operators take their form of the opset."""

    def __init__(self, opset, seed=1):
        self.opset, self.random = opset, np.random.RandomState(seed)
        self.nodes, self.weights, self.count = [], [], 0

    def name(self, stem):
        self.count += 1
        return f"{stem}_{self.count}"

    def constant(self, value, dtype=np.float32, stem="weight"):
        name = self.name(stem)
        self.weights.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def weight(self, *shape, gain=1.0):
        fan_in = int(np.prod(shape[1:])) or 1
        return self.constant(self.random.randn(*shape) * gain / np.sqrt(fan_in))

    def node(self, op, inputs, outputs=1, domain="", **attributes):
        names = [self.name(op.lower()) for _ in range(outputs)]
        self.nodes.append(helper.make_node(op, inputs, names, name=names[0], domain=domain, **attributes))
        return names[0] if outputs == 1 else names

    # Forms that changed between opsets.
    def with_ints(self, op, x, values, attribute, since, **more):
        if self.opset < since:
            return self.node(op, [x], **{attribute: values}, **more)
        return self.node(op, [x, self.constant(values, np.int64, "ints")], **more)

    def clip(self, x, low, high):
        if self.opset < 11:
            return self.node("Clip", [x], min=low, max=high)
        return self.node("Clip", [x, self.constant(np.float32(low)), self.constant(np.float32(high))])

    def pad(self, x, pads):
        return self.with_ints("Pad", x, pads, "pads", 11)

    def squeeze(self, x, axes):
        return self.with_ints("Squeeze", x, axes, "axes", 13)

    def unsqueeze(self, x, axes):
        return self.with_ints("Unsqueeze", x, axes, "axes", 13)

    def mean(self, x, axes, keepdims=1):
        return self.with_ints("ReduceMean", x, axes, "axes", 18, keepdims=keepdims)

    def slice(self, x, start, end, axis):
        if self.opset < 10:
            return self.node("Slice", [x], starts=[start], ends=[end], axes=[axis])
        ints = [self.constant([value], np.int64, "ints") for value in (start, end, axis)]
        return self.node("Slice", [x, *ints])

    def upsample(self, x, scale):
        scales = [1.0, 1.0, scale, scale]
        if self.opset < 9:
            return self.node("Upsample", [x], scales=scales, mode="nearest")
        if self.opset < 11:
            return self.node("Upsample" if self.opset == 9 else "Resize", [x, self.constant(scales)], mode="nearest")
        # The region of interest may be left out since opset 13.
        region = self.constant([], np.float32, "roi") if self.opset < 13 else ""
        return self.node("Resize", [x, region, self.constant(scales)], mode="nearest")

    def layer_norm(self, x, width):
        scale, shift = self.constant(1 + 0.1 * self.random.randn(width)), self.constant(0.1 * self.random.randn(width))
        if self.opset >= 17:
            return self.node("LayerNormalization", [x, scale, shift], axis=-1, epsilon=1e-5)
        centred = self.node("Sub", [x, self.mean(x, [-1])])
        variance = self.mean(self.node("Pow", [centred, self.constant(np.float32(2))]), [-1])
        deviation = self.node("Sqrt", [self.node("Add", [variance, self.constant(np.float32(1e-5))])])
        return self.node("Add", [self.node("Mul", [self.node("Div", [centred, deviation]), scale]), shift])

    def gelu(self, x):
        erf = self.node("Erf", [self.node("Div", [x, self.constant(np.float32(np.sqrt(2)))])])
        half = self.node("Mul", [x, self.node("Add", [erf, self.constant(np.float32(1))])])
        return self.node("Mul", [half, self.constant(np.float32(0.5))])

    def linear(self, x, inner, outer):
        return self.node("Add", [self.node("MatMul", [x, self.weight(inner, outer)]), self.weight(outer)])

    def conv(self, x, inner, outer, kernel=3, stride=1, group=1, bias=True):
        inputs = [x, self.weight(outer, inner // group, kernel, kernel, gain=1.4)]
        if bias:
            inputs.append(self.constant(0.1 * self.random.randn(outer)))
        pad = kernel // 2
        return self.node(
            "Conv", inputs, kernel_shape=[kernel, kernel], strides=[stride, stride], pads=[pad] * 4, group=group
        )

    def batch_norm(self, x, channels):
        r = self.random
        values = [1 + 0.2 * r.randn(channels), 0.1 * r.randn(channels), 0.1 * r.randn(channels), 1 + 0.2 * r.rand(channels)]
        return self.node("BatchNormalization", [x, *[self.constant(value) for value in values]])

    def model(self, inputs, outputs, ir=8, metadata=None, listed=False, domains=(), name="classifier"):
        if listed:
            inputs = inputs + [helper.make_tensor_value_info(w.name, w.data_type, list(w.dims)) for w in self.weights]
        graph = helper.make_graph(self.nodes, name, inputs, outputs, self.weights)
        opsets = [helper.make_opsetid("", self.opset), *[helper.make_opsetid(d, v) for d, v in domains]]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=ir, producer_name="compat-models")
        for key, value in (metadata or {}).items():
            entry = model.metadata_props.add()
            entry.key, entry.value = key, value
        return model


def tensor(name, shape, kind=FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def body(net, x, channels=3, width=8):
    """Stem, a residual block with a squeeze-and-excitation gate, and a stride: [N, C, H, W] to [N, 2 width, H/4, W/4]."""
    y = net.node("Relu", [net.batch_norm(net.conv(x, channels, width, bias=False), width)])
    y = net.node("MaxPool", [y], kernel_shape=[2, 2], strides=[2, 2])
    z = net.node("Relu", [net.conv(y, width, width)])
    gate = net.node("Sigmoid", [net.conv(net.node("GlobalAveragePool", [z]), width, width, kernel=1)])
    y = net.node("Relu", [net.node("Add", [y, net.node("Mul", [z, gate])])])
    return net.node("Relu", [net.conv(y, width, 2 * width, stride=2)])


def rename_last(net, name):
    net.nodes[-1].output[0] = name
    return name


def cnn(opset=17, batch="batch", size=(32, 32), channels=3, classes=10, softmax=False, **more):
    net = Net(opset)
    y = body(net, "input", channels)
    y = net.node("Flatten", [net.node("GlobalAveragePool", [y])], axis=1)
    y = net.node("Gemm", [y, net.weight(classes, 16, gain=3), net.weight(classes)], transB=1)
    if softmax:
        y = net.node("Softmax", [y], axis=1)
    rename_last(net, "output")
    return net.model([tensor("input", [batch, channels, *size])], [tensor("output", [batch, classes])], **more)


def old_form(opset):
    """Everything that changed its form between opset 7 and 18, batch 1, weights listed as inputs, a literal batch in Reshape."""
    net = Net(opset)
    y = net.clip(net.conv("data", 3, 8), 0.0, 6.0)
    y = net.pad(y, [0, 0, 0, 0, 0, 0, 1, 1])
    y = net.node("MaxPool", [y], kernel_shape=[3, 3], strides=[2, 2])
    y = net.node("LRN", [y], size=3)
    y = net.upsample(net.node("AveragePool", [y], kernel_shape=[2, 2], strides=[2, 2]), 2.0)
    y = net.node("LeakyRelu", [net.conv(net.slice(y, 0, 6, 1), 6, 8)], alpha=0.1)
    y = net.unsqueeze(net.squeeze(net.mean(y, [2, 3]), [2, 3]), [2])
    y = net.node("Reshape", [y, net.constant([1, 8], np.int64, "shape")])
    y = net.node("Dropout", [y])
    y = net.node("Gemm", [y, net.weight(8, 10, gain=3), net.weight(10)])
    net.node("Softmax", [y], **({} if opset < 13 else {"axis": -1}))
    rename_last(net, "prob")
    ir = 3 if opset < 9 else 4 if opset < 11 else 7 if opset < 15 else 8
    return net.model([tensor("data", [1, 3, 24, 24])], [tensor("prob", [1, 10])], ir=ir, listed=opset < 9)


def vit(opset, batch="batch", width=16, heads=2, depth=2):
    """A vision transformer with a class token, decomposed below opset 17."""
    net = Net(opset)
    y = net.node(
        "Conv", ["pixel_values", net.weight(width, 3, 8, 8), net.weight(width)], kernel_shape=[8, 8], strides=[8, 8]
    )
    first = 1 if batch == 1 else 0
    y = net.node("Reshape", [y, net.constant([first, width, -1], np.int64, "shape")])
    y = net.node("Transpose", [y], perm=[0, 2, 1])
    token = net.weight(1, 1, width, gain=4)
    if batch != 1:
        shape = net.node("Shape", ["pixel_values"])
        size = net.slice(shape, 0, 1, 0)
        rest = net.constant([1, width], np.int64, "shape")
        token = net.node("Expand", [token, net.node("Concat", [size, rest], axis=0)])
    y = net.node("Concat", [token, y], axis=1)
    y = net.node("Add", [y, net.weight(1, 17, width, gain=4)])
    for _ in range(depth):
        z = net.layer_norm(y, width)
        parts = [net.linear(z, width, width) for _ in range(3)]
        split = net.constant([first, 17, heads, width // heads], np.int64, "shape")
        q, k, v = [net.node("Reshape", [part, split]) for part in parts]
        q, v = [net.node("Transpose", [part], perm=[0, 2, 1, 3]) for part in (q, v)]
        k = net.node("Transpose", [k], perm=[0, 2, 3, 1])
        scores = net.node("Div", [net.node("MatMul", [q, k]), net.constant(np.float32(np.sqrt(width // heads)))])
        z = net.node("MatMul", [net.node("Softmax", [scores], axis=3 if opset < 13 else -1), v])
        z = net.node("Transpose", [z], perm=[0, 2, 1, 3])
        z = net.node("Reshape", [z, net.constant([first, 17, width], np.int64, "shape")])
        y = net.node("Add", [y, net.linear(z, width, width)])
        z = net.gelu(net.linear(net.layer_norm(y, width), width, 2 * width))
        y = net.node("Add", [y, net.linear(z, 2 * width, width)])
    y = net.layer_norm(y, width)
    y = net.node("Gather", [y, net.constant(0, np.int64, "index")], axis=1)
    net.linear(y, width, 10)
    rename_last(net, "logits")
    return net.model([tensor("pixel_values", [batch, 3, 32, 32])], [tensor("logits", [batch, 10])])


def keras():
    """NHWC as tf2onnx writes it: scaling inside, one Transpose at the start, Softmax at the end."""
    net = Net(15)
    y = net.node("Sub", [net.node("Mul", ["input_1", net.constant(np.float32(2 / 255))]), net.constant(np.float32(1))])
    y = net.node("Transpose", [y], perm=[0, 3, 1, 2])
    y = body(net, y)
    y = net.node("Transpose", [y], perm=[0, 2, 3, 1])
    y = net.node("Mul", [y, net.constant(1 + 0.1 * net.random.randn(16))])
    y = net.node("Transpose", [y], perm=[0, 3, 1, 2])
    y = net.squeeze(net.node("GlobalAveragePool", [y]), [2, 3])
    y = net.node("Add", [net.node("MatMul", [y, net.weight(16, 10, gain=3)]), net.weight(10)])
    net.node("Softmax", [y], axis=-1)
    rename_last(net, "dense")
    return net.model([tensor("input_1", ["unk__7", 32, 32, 3])], [tensor("dense", ["unk__8", 10])])


def custom_vision():
    """Azure Custom Vision, General: a label and a sequence of maps, BGR bytes."""
    net = Net(7)
    y = body(net, "data")
    y = net.node("Reshape", [net.node("GlobalAveragePool", [y]), net.constant([-1, 16], np.int64, "shape")])
    y = net.node("Gemm", [y, net.weight(16, 3, gain=3), net.weight(3)])
    p = net.node("Softmax", [y], axis=1)
    names = ["Hemlock", "Japanese Cherry", "Oak"]
    net.nodes.append(helper.make_node("ZipMap", [p], ["loss"], domain="ai.onnx.ml", classlabels_strings=names))
    best = net.node("ArgMax", [p], axis=1, keepdims=1)
    label = helper.make_node(
        "LabelEncoder", [best], ["classLabel"], domain="ai.onnx.ml", classes_strings=names, default_string="other"
    )
    net.nodes.append(label)
    maps = helper.make_sequence_type_proto(
        helper.make_map_type_proto(TensorProto.STRING, helper.make_tensor_type_proto(FLOAT, []))
    )
    outputs = [tensor("classLabel", ["None", 1], TensorProto.STRING), helper.make_value_info("loss", maps)]
    metadata = {"Image.BitmapPixelFormat": "Bgr8", "Image.NominalPixelRange": "NominalRange_0_255"}
    return net.model([tensor("data", ["None", 3, 32, 32])], outputs, ir=3, domains=[("ai.onnx.ml", 1)], metadata=metadata)


def label_only():
    """Nothing but the number of the best class."""
    net = Net(13)
    y = body(net, "input")
    y = net.node("Flatten", [net.node("GlobalAveragePool", [y])], axis=1)
    y = net.node("Gemm", [y, net.weight(16, 5, gain=3)])
    net.node("ArgMax", [y], axis=1, keepdims=0)
    rename_last(net, "class")
    return net.model([tensor("input", ["batch", 3, 32, 32])], [tensor("class", ["batch"], TensorProto.INT64)])


def heads(kind):
    """Outputs of several kinds behind one body."""
    net = Net(17)
    y = net.node("Flatten", [net.node("GlobalAveragePool", [body(net, "input")])], axis=1)
    outputs = []
    if kind == "two-outputs":
        net.node("Identity", [y])
        rename_last(net, "features")
        outputs.append(tensor("features", ["batch", 16]))
    count = {"one-output": 1, "one-sigmoid": 1, "multi-label": 4}.get(kind, 10)
    z = net.node("Gemm", [y, net.weight(16, count, gain=3), net.weight(count)])
    if kind in ("one-sigmoid", "multi-label"):
        net.node("Sigmoid", [z])
    rename_last(net, "logits")
    return net.model([tensor("input", ["batch", 3, 32, 32])], [*outputs, tensor("logits", ["batch", count])])


def two_inputs(batch):
    """An image and a row of facts about the patient."""
    net = Net(17)
    y = net.node("Flatten", [net.node("GlobalAveragePool", [body(net, "image")])], axis=1)
    y = net.node("Concat", [y, "facts"], axis=1)
    net.node("Gemm", [y, net.weight(19, 4, gain=3), net.weight(4)])
    rename_last(net, "logits")
    return net.model(
        [tensor("facts", [batch, 3]), tensor("image", [batch, 3, 32, 32])], [tensor("logits", [batch, 4])]
    )


def mobile():
    """uint8 [H, W, C] without a batch; Cast, Resize, scaling and Transpose inside, as mobile apps have it."""
    net = Net(17)
    y = net.node("Cast", ["image"], to=FLOAT)
    y = net.node("Transpose", [y], perm=[2, 0, 1])
    y = net.unsqueeze(y, [0])
    sizes = net.constant([1, 3, 32, 32], np.int64, "sizes")
    y = net.node("Resize", [y, "", "", sizes], mode="linear")
    y = net.node("Div", [net.node("Sub", [y, net.constant(np.float32(127))]), net.constant(np.float32(64))])
    y = net.node("Flatten", [net.node("GlobalAveragePool", [body(net, y)])], axis=1)
    net.node("Gemm", [y, net.weight(16, 6, gain=3), net.weight(6)])
    rename_last(net, "logits")
    return net.model([tensor("image", [48, 40, 3], TensorProto.UINT8)], [tensor("logits", [1, 6])])


def loop(net, carried, outside=None):
    """Halves a value three times, and adds one from outside each time, which is no input of the node then."""
    inner = helper.make_graph(
        [
            helper.make_node("Identity", ["condition_in"], ["condition_out"]),
            helper.make_node("Mul", ["state_in", "half"], ["state_out" if outside is None else "halved"]),
            *([] if outside is None else [helper.make_node("Add", ["halved", outside], ["state_out"])]),
        ],
        "body",
        [tensor("i", [], TensorProto.INT64), tensor("condition_in", [], TensorProto.BOOL), tensor("state_in", None)],
        [tensor("condition_out", [], TensorProto.BOOL), tensor("state_out", None)],
    )
    net.weights.append(numpy_helper.from_array(np.float32(0.5), "half"))
    trips, condition = net.constant(3, np.int64, "trips"), net.constant(True, np.bool_, "condition")
    return net.node("Loop", [trips, condition, carried], body=inner)


def control_flow(kind):
    """If on a constant condition, and Loop beside or on the way from the image to the logits."""
    net = Net(17)
    y = body(net, "input")
    if kind == "loop-inside":
        y = loop(net, y)
    y = net.node("GlobalAveragePool", [y])
    if kind == "if":
        axes = net.constant([2, 3], np.int64, "axes")
        branches = {
            key: helper.make_graph([helper.make_node(op, [y, axes][:count], [f"{key}_out"])], key, [], [
                helper.make_tensor_value_info(f"{key}_out", FLOAT, None)])
            for key, op, count in (("then_branch", "Squeeze", 2), ("else_branch", "Identity", 1))
        }
        y = net.node("If", [net.constant(True, np.bool_, "condition")], **branches)
    else:
        y = net.squeeze(y, [2, 3])
    z = net.node("Gemm", [y, net.weight(16, 10, gain=3), net.weight(10)])
    if kind == "loop-captures":
        z = net.node("Identity", [loop(net, net.constant(np.zeros((1, 10))), z)])
    if kind in ("loop-on-path", "loop-off-path"):
        carried = z if kind == "loop-on-path" else net.constant(np.ones((1, 10)))
        y = loop(net, carried)
        z = net.node("Identity", [y]) if kind == "loop-on-path" else net.node("Add", [z, y])
    rename_last(net, "logits")
    return net.model([tensor("input", ["batch", 3, 32, 32])], [tensor("logits", ["batch", 10])])


def function():
    """A function that the model defines for itself."""
    net = Net(18)
    y = net.conv("input", 3, 8)
    y = net.node("Silu", [y], domain="pkg.local", beta=1.5)
    y = net.node("Flatten", [net.node("GlobalAveragePool", [net.conv(y, 8, 16, stride=2)])], axis=1)
    net.node("Gemm", [y, net.weight(16, 10, gain=3), net.weight(10)])
    rename_last(net, "logits")
    model = net.model(
        [tensor("input", ["batch", 3, 32, 32])], [tensor("logits", ["batch", 10])], domains=[("pkg.local", 1)]
    )
    beta = helper.make_node("Constant", [], ["b"])
    reference = beta.attribute.add()
    reference.name, reference.ref_attr_name, reference.type = "value_float", "beta", onnx.AttributeProto.FLOAT
    nodes = [
        beta,
        helper.make_node("Mul", ["x", "b"], ["s"]),
        helper.make_node("Sigmoid", ["s"], ["g"]),
        helper.make_node("Mul", ["x", "g"], ["y"]),
    ]
    model.functions.append(
        helper.make_function("pkg.local", "Silu", ["x"], ["y"], nodes, [helper.make_opsetid("", 18)], ["beta"])
    )
    return model


def mixed_batch():
    """Batch 1, but the images of a batch would normalise each other."""
    net = Net(17)
    y = net.node("Flatten", [net.node("GlobalAveragePool", [body(net, "input")])], axis=1)
    y = net.node("Sub", [y, net.constant(0.5 * np.ones((1, 16)))])
    y = net.node("Div", [y, net.node("Sqrt", [net.node("ReduceSumSquare", [y], axes=[0, 1], keepdims=1)])])
    net.node("Gemm", [y, net.weight(16, 10, gain=3), net.weight(10)])
    rename_last(net, "logits")
    return net.model([tensor("input", [1, 3, 32, 32])], [tensor("logits", [1, 10])])


def in_bfloat16(model):
    """The model in bfloat16 throughout, weights rounded to the nearest."""
    model = onnx.ModelProto.FromString(model.SerializeToString())
    for weight in model.graph.initializer:
        if weight.data_type != FLOAT:
            continue
        bits = numpy_helper.to_array(weight).astype(np.float32).view(np.uint32)
        rounded = ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)
        weight.ClearField("float_data")
        weight.data_type, weight.raw_data = TensorProto.BFLOAT16, rounded.tobytes()
    for value in [*model.graph.input, *model.graph.output]:
        value.type.tensor_type.elem_type = TensorProto.BFLOAT16
    return model


def in_float64(model):
    model = onnx.ModelProto.FromString(model.SerializeToString())
    for weight in model.graph.initializer:
        if weight.data_type == FLOAT:
            weight.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weight).astype(np.float64), weight.name))
    for value in [*model.graph.input, *model.graph.output]:
        value.type.tensor_type.elem_type = TensorProto.DOUBLE
    return model


def quantised(model, kind):
    """ONNX Runtime's own quantisers."""
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static

    source, target = [os.path.join(tempfile.mkdtemp(), name) for name in ("float.onnx", "quantised.onnx")]
    onnx.save(model, source)
    first = model.graph.input[0]
    shape = [dim.dim_value or 1 for dim in first.type.tensor_type.shape.dim]

    class Images(CalibrationDataReader):
        def __init__(self):
            random = np.random.RandomState(5)
            self.images = iter([{first.name: random.rand(*shape).astype(np.float32) * 6 - 3} for _ in range(16)])

        def get_next(self):
            return next(self.images, None)

    if kind == "dynamic":
        quantize_dynamic(source, target, weight_type=QuantType.QUInt8)
    elif kind == "4-bit":
        from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

        quantizer = MatMulNBitsQuantizer(model, block_size=16, is_symmetric=False)
        quantizer.process()
        quantizer.model.save_model_to_file(target)
    else:
        quantize_static(
            source,
            target,
            Images(),
            quant_format=QuantFormat.QDQ if kind == "qdq" else QuantFormat.QOperator,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=kind == "qdq",
        )
    return onnx.load(target)


def optimised(model):
    """What ONNX Runtime writes with its extended optimisations: fused operators of com.microsoft."""
    import onnxruntime

    folder = tempfile.mkdtemp()
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = os.path.join(folder, "optimised.onnx")
    source = os.path.join(folder, "source.onnx")
    onnx.save(model, source)
    onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    return onnx.load(options.optimized_model_filepath)


def in_float16(model, keep_io):
    from onnxconverter_common import float16

    return float16.convert_float_to_float16(model, keep_io_types=keep_io)


def models():
    for opset in (7, 8, 9, 10, 11, 12, 13, 15, 16, 17, 18):
        yield f"opset-{opset}", old_form(opset)
    yield "cnn", cnn()
    yield "cnn-batch-1", cnn(batch=1)
    yield "cnn-softmax", cnn(softmax=True)
    yield "vit-opset-11", vit(11)
    yield "vit-opset-17", vit(17)
    yield "vit-batch-1", vit(17, batch=1)
    yield "keras-nhwc", keras()
    yield "custom-vision", custom_vision()
    yield "label-only", label_only()
    for kind in ("two-outputs", "one-output", "one-sigmoid", "multi-label"):
        yield kind, heads(kind)
    yield "two-inputs", two_inputs("batch")
    yield "two-inputs-batch-1", two_inputs(1)
    yield "mobile-uint8", mobile()
    yield "gray", cnn(channels=1)
    yield "eleven-channels", cnn(channels=11, size=(60, 16))
    yield "dynamic-size", cnn(size=("height", "width"))
    yield "portrait", cnn(size=(48, 32))
    for kind in ("if", "loop-on-path", "loop-inside", "loop-off-path", "loop-captures"):
        yield kind, control_flow(kind)
    yield "function", function()
    yield "mixed-batch", mixed_batch()
    yield "float16", in_float16(cnn(), keep_io=False)
    yield "float16-inside", in_float16(cnn(), keep_io=True)
    yield "vit-float16", in_float16(vit(17), keep_io=False)
    yield "bfloat16", in_bfloat16(cnn())
    yield "float64", in_float64(cnn())
    for kind in ("qdq", "qoperator", "dynamic"):
        yield f"cnn-{kind}", quantised(cnn(), kind)
    yield "vit-dynamic", quantised(vit(17), "dynamic")
    yield "vit-4-bit", quantised(vit(17), "4-bit")
    yield "vit-qdq", quantised(vit(17), "qdq")
    yield "cnn-optimised", optimised(cnn())
    yield "vit-optimised", optimised(vit(17))
    yield "cnn-qoperator-batch-1", quantised(cnn(batch=1), "qoperator")
    yield "cnn-optimised-batch-1", optimised(cnn(batch=1))
    yield "vit-optimised-batch-1", optimised(vit(17, batch=1))


def main(folder):
    os.makedirs(folder, exist_ok=True)
    for name, model in models():
        path = os.path.join(folder, f"{name}.onnx")
        model.ClearField("doc_string")
        onnx.save(model, path)
        print(f"{name}: {os.path.getsize(path)} bytes")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "tests/models/compat")
