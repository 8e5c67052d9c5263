"""Keras classifiers through tf2onnx: channels last, softmax inside; gradient of the logit by tf.GradientTape."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import keras
import numpy as np
import onnx
import tensorflow as tf
import tf2onnx

from record import uniform

# tf2onnx asks NumPy for names that NumPy 2 no longer has.
for old, new in (("bool", bool), ("object", object), ("cast", None)):
    if new is not None and not hasattr(np, old):
        setattr(np, old, new)


def randomised(model):
    random = np.random.RandomState(1)
    for weight in model.weights:
        if weight.dtype not in ("float32", "float64"):
            continue
        shape, name = weight.shape, weight.path
        if "moving_variance" in name:
            weight.assign(1 + 0.5 * random.rand(*shape))
        elif "gamma" in name or "scale" in name:
            weight.assign(1 + 0.2 * random.randn(*shape))
        elif len(shape) <= 1:
            weight.assign(0.1 * random.randn(*shape))
    return model


def case(folder, name, make, size, source, grid=None, opset=15, batch=None, is_committed=False, as_channels_first=False, scale=(-2, 2)):
    if not folder.wants(name, is_committed):
        return

    def run():
        keras.utils.set_random_seed(1)
        model = randomised(make())
        model(tf.zeros([1, *size, 3]))
        activation = getattr(model.layers[-1], "activation", None)
        signature = [tf.TensorSpec([batch, *size, 3], tf.float32, name="input_1")]
        more = {"inputs_as_nchw": ["input_1"]} if as_channels_first else {}
        if batch is None and not more:
            model.export(folder.file(name), format="onnx", opset_version=opset, verbose=False)
        else:
            function = tf.function(lambda input_1: model(input_1, training=False))
            tf2onnx.convert.from_function(function, input_signature=signature, opset=opset, output_path=folder.file(name), **more)
        shape = [1, 3, *size]
        image = tf.constant(uniform(shape, lo=scale[0], hi=scale[1]).transpose(0, 2, 3, 1))
        if activation is not None:
            model.layers[-1].activation = keras.activations.linear
        with tf.GradientTape() as tape:
            tape.watch(image)
            logits = tf.reshape(model(image, training=False), [-1])
            index = int(tf.argmax(logits))
            score = logits[index]
        gradient = tape.gradient(score, image).numpy().transpose(0, 3, 1, 2)
        # Keras' export leaves mean and variance of normalisation layers open as inputs.
        normal = next((layer for layer in model.layers if isinstance(layer, keras.layers.Normalization)), None)
        parts = {"Sub/y:0": "mean", "Sqrt/x:0": "variance"}
        opened = [value.name for value in onnx.load(folder.file(name), load_external_data=False).graph.input][1:]
        feeds = {value: np.ravel(getattr(normal, part)).tolist() for value in opened for end, part in parts.items() if value.endswith(end)}
        # A convolution of groups that tf2onnx leaves as a call of TensorFlow's, and layers that it writes as loops.
        culprit = "StatefulPartitionedCall" if "ConvNeXt" in name else "Loop" if name in ("keras-gru", "keras-rnn") else None
        refused = {"refused": f"{culprit} at node", "is_scored": culprit == "Loop"} if culprit else {}
        folder.record(name, f"tf2onnx {tf2onnx.__version__}, Keras {keras.__version__}", source, shape, logits.numpy(), gradient,
                      "tf.GradientTape in float32", class_index=index, grid=grid, opset=opset, lo=scale[0], hi=scale[1],
                      batch="free" if batch is None else "fixed", **refused, **({"feeds": feeds} if feeds else {}))

    folder.attempt(name, run)


def teachable(size):
    """As Teachable Machine nests them: a feature extractor inside a Sequential, pooling, two dense layers, softmax."""
    base = keras.applications.MobileNetV2(input_shape=(*size, 3), alpha=0.35, include_top=False, weights=None)
    features = keras.Sequential([base, keras.layers.GlobalAveragePooling2D()])
    head = keras.Sequential([keras.layers.Dense(100, activation="relu"), keras.layers.Dense(3, activation="softmax", use_bias=False)])
    return flat([features, head], size)


def flat(parts, size):
    image = keras.Input((*size, 3))
    value = image
    for part in parts:
        for layer in part.layers:
            value = layer(value)
    return keras.Model(image, value)


def small(size, last="softmax"):
    return keras.Sequential([
        keras.Input((*size, 3)),
        keras.layers.Rescaling(1 / 127.5, offset=-1),
        keras.layers.Conv2D(8, 3, padding="same", strides=2, use_bias=False),
        keras.layers.BatchNormalization(),
        keras.layers.ReLU(6.0),
        keras.layers.DepthwiseConv2D(3, padding="same", strides=2),
        keras.layers.LeakyReLU(),
        keras.layers.SeparableConv2D(16, 3, padding="same", activation="swish"),
        keras.layers.MaxPooling2D(2, padding="same"),
        keras.layers.Conv2D(16, 3, padding="same", activation="gelu"),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dropout(0.5),
        keras.layers.Dense(5 if last == "softmax" else 1, activation=last),
    ])


def flattened(size):
    """The beginner's network: the last grid is flattened, not averaged."""
    return keras.Sequential([
        keras.Input((*size, 3)),
        keras.layers.Conv2D(8, 3, activation="relu"),
        keras.layers.MaxPooling2D(),
        keras.layers.Conv2D(8, 3, activation="relu"),
        keras.layers.MaxPooling2D(),
        keras.layers.Flatten(),
        keras.layers.Dense(16, activation="relu"),
        keras.layers.Dense(4, activation="softmax"),
    ])


def attentive(size):
    """The vision transformer of the Keras examples."""
    image = keras.Input((*size, 3))
    value = keras.layers.Conv2D(32, 8, strides=8)(image)
    value = keras.layers.Reshape((-1, 32))(value)
    for _ in range(2):
        normal = keras.layers.LayerNormalization(epsilon=1e-6)(value)
        value = keras.layers.Add()([value, keras.layers.MultiHeadAttention(num_heads=2, key_dim=16)(normal, normal)])
        normal = keras.layers.LayerNormalization(epsilon=1e-6)(value)
        value = keras.layers.Add()([value, keras.layers.Dense(32)(keras.layers.Dense(64, activation="gelu")(normal))])
    value = keras.layers.LayerNormalization(epsilon=1e-6)(value)
    value = keras.layers.GlobalAveragePooling1D()(value)
    return keras.Model(image, keras.layers.Dense(6, activation="softmax")(value))


def columns(size, layer):
    """Convolutions, then a recurrent layer along the width, as readers of text lines have them."""
    image = keras.Input((*size, 3))
    value = keras.layers.Conv2D(8, 3, strides=4, padding="same", activation="relu")(image)
    value = keras.layers.Permute((2, 1, 3))(value)
    value = keras.layers.Reshape((size[1] // 4, 8 * size[0] // 4))(value)
    value = layer(value)
    return keras.Model(image, keras.layers.Dense(5, activation="softmax")(value))


def make(folder):
    wide = (64, 96)

    def add(name, build, size=wide, **more):
        case(folder, f"keras-{name}", build, size, f"Keras {keras.__version__}", **more)

    bytes_ = {"scale": (0, 255)}
    add("small", lambda: small(wide), grid=[8, 12], is_committed=True, **bytes_)
    add("small-opset-18", lambda: small(wide), grid=[8, 12], opset=18, **bytes_)
    add("small-batch-1", lambda: small(wide), grid=[8, 12], batch=1, **bytes_)
    add("small-channels-first", lambda: small(wide), grid=[8, 12], as_channels_first=True, **bytes_)
    add("small-sigmoid", lambda: small(wide, "sigmoid"), grid=[8, 12], **bytes_)
    add("flattened", lambda: flattened((48, 64)), (48, 64), grid=[10, 14], is_committed=True)
    add("vit", lambda: attentive(wide), grid=[8, 12])
    add("teachable-machine", lambda: teachable((224, 224)), (224, 224), grid=[7, 7])
    for name, layer in {
        "lstm": lambda: keras.layers.LSTM(8),
        "gru": lambda: keras.layers.Bidirectional(keras.layers.GRU(8)),
        "rnn": lambda: keras.layers.SimpleRNN(8, go_backwards=True),
    }.items():
        add(name, lambda layer=layer: columns((32, 48), layer()), (32, 48), grid=[8, 12])
    families = {"MobileNet": [2, 3], "MobileNetV2": [2, 3], "MobileNetV3Small": [2, 3], "MobileNetV3Large": [2, 3], "EfficientNetB0": [2, 3],
                "EfficientNetV2B0": [2, 3], "ResNet50": [2, 3], "ResNet50V2": [2, 3], "DenseNet121": [2, 3]}
    for family, grid in families.items():
        build = getattr(keras.applications, family)
        scale = bytes_ if family.startswith(("Eff", "MobileNetV3")) else {}
        add(family, lambda build=build: build(input_shape=(*wide, 3), weights=None, classes=10), grid=grid, **scale)
    for family in ("NASNetMobile", "ConvNeXtTiny", "InceptionV3", "Xception", "InceptionResNetV2"):
        build = getattr(keras.applications, family)
        size = (96, 128) if family in ("InceptionV3", "Xception", "InceptionResNetV2") else wide
        scale = bytes_ if family.startswith("ConvNeXt") else {}
        add(family, lambda build=build, size=size: build(input_shape=(*size, 3), weights=None, classes=10), size, **scale)
