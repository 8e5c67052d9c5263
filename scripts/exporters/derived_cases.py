"""What ONNX Runtime's tools make of an exported file: quantised, 4 bit, float16, optimised. Reads the files of `timm` in the same folder."""

import onnx
import onnxruntime
from onnxruntime import quantization

from record import uniform

CNN, VIT = "timm-convnextv2", "timm-vit-opset-17"
BASES = {"cnn": "timm-test_resnet", "vit": VIT, "convnext": CNN, "dynamo": "timm-vit-dynamo", "swin": "timm-swin-opset-17", "tiny": "timm-vit-tiny"}


class Images(quantization.CalibrationDataReader):
    def __init__(self, shape, count=8):
        self.images = iter([{"input": uniform(shape, seed=seed)} for seed in range(1, count + 1)])

    def get_next(self):
        return next(self.images, None)


def make(folder):
    def add(name, base, convert, **facts):
        if not folder.wants(name, name == "ort-tiny-qdq"):
            return

        def run():
            twin = folder.read(base)
            convert(folder.file(base), folder.file(name), twin["input"]["shape"])
            session = onnxruntime.InferenceSession(folder.file(name), providers=["CPUExecutionProvider"])
            shape = twin["input"]["shape"]
            image = uniform(shape)
            if session.get_inputs()[0].type == "tensor(float16)":
                image = image.astype("float16")
            logits = session.run(None, {session.get_inputs()[0].name: image})[0]
            case = {**twin, "exporter": f"onnxruntime {onnxruntime.__version__}", "source": f"{name} of {base}",
                    "logits": [float(v) for v in logits.ravel()[:100]], **facts}
            (folder.path / f"{name}.json").write_text(__import__("json").dumps(case))

        folder.attempt(name, run)

    def static(form, **more):
        return lambda source, path, shape: quantization.quantize_static(source, path, Images(shape), quant_format=form, **more)

    def optimised(level):
        def convert(source, path, shape):
            options = onnxruntime.SessionOptions()
            options.graph_optimization_level = level
            options.optimized_model_filepath = path
            onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
        return convert

    def halved(source, path, shape, **more):
        from onnxruntime.transformers.float16 import convert_float_to_float16
        onnx.save(convert_float_to_float16(onnx.load(source), **more), path)

    def halved_by_common(source, path, shape):
        from onnxconverter_common import float16
        onnx.save(float16.convert_float_to_float16(onnx.load(source), keep_io_types=True), path)

    def four_bits(source, path, shape):
        from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer
        quantizer = MatMulNBitsQuantizer(onnx.load(source), block_size=16, is_symmetric=True)
        quantizer.process()
        quantizer.model.save_model_to_file(path)

    def transformer(source, path, shape):
        from onnxruntime.transformers import optimizer
        optimizer.optimize_model(source, model_type="vit", num_heads=3, hidden_size=48).save_model_to_file(path)

    form, level = quantization.QuantFormat, onnxruntime.GraphOptimizationLevel
    for kind, base in BASES.items():
        add(f"ort-{kind}-dynamic", base, lambda source, path, shape: quantization.quantize_dynamic(source, path), cosine=0.9, tolerance=3e-2)
        add(f"ort-{kind}-qdq", base, static(form.QDQ), cosine=0.8, tolerance=3e-2)
        add(f"ort-{kind}-qdq-per-channel", base, static(form.QDQ, per_channel=True, weight_type=quantization.QuantType.QInt8), cosine=0.8, tolerance=3e-2)
        add(f"ort-{kind}-qoperator", base, static(form.QOperator), cosine=0.8, tolerance=3e-2)
        add(f"ort-{kind}-float16", base, halved, tolerance=1e-1)
        add(f"ort-{kind}-float16-inside", base, lambda source, path, shape: halved(source, path, shape, keep_io_types=True), tolerance=1e-1)
        add(f"ort-{kind}-float16-common", base, halved_by_common, tolerance=1e-1)
        for label, value in (("basic", level.ORT_ENABLE_BASIC), ("extended", level.ORT_ENABLE_EXTENDED), ("all", level.ORT_ENABLE_ALL)):
            # The last level lays convolutions out for this processor.
            blocked = {"refused": "optimised for one kind of processor"} if label == "all" else {}
            add(f"ort-{kind}-optimised-{label}", base, optimised(value), tolerance=1e-4, **blocked)
    for kind in ("vit", "dynamo"):
        add(f"ort-{kind}-4-bit", BASES[kind], four_bits, cosine=0.9, tolerance=3e-2)
        add(f"ort-{kind}-transformer-optimiser", BASES[kind], transformer, tolerance=1e-3)
