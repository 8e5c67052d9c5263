"""Compares maps with those of Python's saliency libraries, on the same network (the embedded one) and the same numbers.

    pip install torch==2.15.0 captum==0.9.0 grad-cam==1.5.7 saliency==0.2.1 onnx2torch==1.5.15 pillow numpy
    npm run build && python scripts/references/compare.py > docs/references.md
"""

import importlib.metadata
import os
import subprocess
import tempfile
import warnings

warnings.filterwarnings("ignore")
os.environ["TQDM_DISABLE"] = "1"

import captum.attr as captum  # noqa: E402
import numpy as np  # noqa: E402
import onnx  # noqa: E402
import onnx2torch  # noqa: E402
import pytorch_grad_cam as cams  # noqa: E402
import saliency.core as pair  # noqa: E402
import torch  # noqa: E402
from PIL import Image  # noqa: E402
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget  # noqa: E402

root = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
photograph = f"{root}/examples/chelsea.png"
folder = tempfile.mkdtemp()
pixels = np.asarray(Image.open(photograph).convert("RGB").resize((224, 224), Image.BICUBIC), dtype=np.float32)
values = ((pixels / 255 - 127 / 255) / (128 / 255)).transpose(2, 0, 1)[None]
np.save(f"{folder}/image.npy", values[0])
values.tofile(f"{folder}/image.bin")



def network():
    """The embedded network as a torch module. Its weights lie in half precision behind Cast nodes, which the converter does not read."""
    proto = onnx.load(f"{root}/models/efficientnet-lite0.onnx")
    weights = {tensor.name: tensor for tensor in proto.graph.initializer}
    for node in [node for node in proto.graph.node if node.op_type == "Cast" and node.input[0] in weights]:
        values = onnx.numpy_helper.to_array(weights[node.input[0]]).astype(np.float32)
        proto.graph.initializer.append(onnx.numpy_helper.from_array(values, node.output[0]))
        proto.graph.node.remove(node)
    return onnx2torch.convert(proto).eval()


model = network()
image = torch.from_numpy(values)
with torch.no_grad():
    scores = model(image)[0]
target = int(scores.argmax())
modules = dict(model.named_modules())
layer = modules["_swish_1/Clip"]


def ours(method, model_file=None, target=target, **params):
    """The map of the command line; by the embedded network unless another file is named."""
    settings = [item for key, value in params.items() for item in ("-p", f"{key}={value}")]
    command = ["node", f"{root}/dist/cli/main.js", "explain", f"{folder}/image.npy", "--method", method, "--target", str(target), "--out", folder, *settings]
    subprocess.run([*command, *(["--model", model_file] if model_file else [])], capture_output=True, check=True)
    name = next(file for file in sorted(os.listdir(folder)) if file.endswith(f".{method}.{target}.npy"))
    return np.load(f"{folder}/{name}").astype(np.float64)


def ranks(values):
    order = np.argsort(values.ravel(), kind="stable")
    result = np.empty(order.size)
    result[order] = np.arange(order.size)
    return result


def report(method, library, theirs, **params):
    found = ours(method, **params)
    theirs = np.asarray(theirs, dtype=np.float64)
    a, b = theirs - theirs.mean(), found - found.mean()
    left = a - b * (a * b).sum() / (b * b).sum()
    rest = np.linalg.norm(left) / np.linalg.norm(a)
    print(f"| {method} | {library} | {rest:.1e} | {np.corrcoef(ranks(found), ranks(theirs))[0, 1]:.4f} |", flush=True)


def summed(attribution):
    return attribution.detach().numpy()[0].sum(0)


versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("torch", "captum", "grad-cam", "saliency"))
print(f"""# Maps of Python's libraries

The same network (the embedded one), the same numbers (`examples/chelsea.png`), the class {target}, by Python's saliency libraries and by this one
(`scripts/references/compare.py`; {versions}).

- **rest**: what is left of their map when ours is scaled and shifted onto it, relative to its spread; 0 for the same map. (Libraries differ in what they
  scale maps to.) **rank correlation**: of the pixels, which is all that deletion, insertion and the pointing game see.
- Gradients of pixels differ by some 1e-3 where a ReLU6 lies within rounding of its kinks: torch in float32 is as far from torch in float64.
- `grad-cam-pp`: pytorch-grad-cam adds 1e-6 to a denominator of squared gradients, which are not larger than that; equation 19 has no such term.
- `xrai`: the order of regions of nearly equal gain depends on such differences; of the same attribution both libraries make the same map.

| method | library | rest | rank correlation |
| --- | --- | --- | --- |""")
targets = [ClassifierOutputTarget(target)]
for method, kind, params in (
    ("grad-cam", "GradCAM", {}), ("grad-cam-pp", "GradCAMPlusPlus", {}), ("x-grad-cam", "XGradCAM", {}), ("hires-cam", "HiResCAM", {}),
    ("layer-cam", "LayerCAM", {}), ("eigen-cam", "EigenCAM", {"centred": "true"}), ("score-cam", "ScoreCAM", {"variant": "logit-softmax"}),
    ("ablation-cam", "AblationCAM", {}),
):
    with getattr(cams, kind)(model=model, target_layers=[layer]) as cam:
        report(method, "pytorch-grad-cam", cam(input_tensor=image, targets=targets)[0], **params)

report("gradient", "captum", captum.Saliency(model).attribute(image, target).numpy()[0].max(0))
report("input-x-gradient", "captum", summed(captum.InputXGradient(model).attribute(image.clone().requires_grad_(), target)))
black = torch.full_like(image, -127 / 128)
for rule, name in (("gauss-legendre", "gausslegendre"), ("trapezoid", "riemann_trapezoid"), ("midpoint", "riemann_middle")):
    integrated = captum.IntegratedGradients(model).attribute(image, black, target, n_steps=50, method=name)
    report("integrated-gradients", f"captum, {name}", summed(integrated), rule=rule)
occluded = captum.Occlusion(model).attribute(image, (3, 32, 32), (3, 16, 16), baselines=0, target=target)
report("occlusion", "captum", occluded.numpy()[0].mean(0), score="logit")


def gradients(images, call_model_args=None, expected_keys=None):
    batch = torch.from_numpy(np.asarray(images, dtype=np.float32).transpose(0, 3, 1, 2)).requires_grad_()
    (gradient,) = torch.autograd.grad(model(batch)[:, target].sum(), batch)
    return {pair.base.INPUT_OUTPUT_GRADIENTS: gradient.numpy().transpose(0, 2, 3, 1)}


where = values[0].transpose(1, 2, 0)
ranked = {"segments": "felzenszwalb", "rule": "pair"}
report("xrai", "saliency (PAIR)", pair.XRAI().GetMask(where, gradients, batch_size=20), baselines="range", **ranked)
subprocess.run(["node", "--input-type=module", "-e", f"""
    import {{ readFileSync, writeFileSync }} from "node:fs";
    import {{ explain, loadModel }} from "{root}/dist/node.js";
    const data = new Float32Array(readFileSync("{folder}/image.bin").buffer.slice(0));
    const input = {{ type: "float32", dims: [1, 3, 224, 224], data }};
    const model = await loadModel();
    const params = {{ baseline: "black-and-white", rule: "pair", steps: 100 }};
    const {{ map }} = await explain({{ model, input, method: "integrated-gradients", target: {{ index: {target} }}, params }});
    writeFileSync("{folder}/attribution.bin", map.attribution.data);
    await model.close();
"""], check=True)
attribution = np.fromfile(f"{folder}/attribution.bin", np.float32).reshape(3, 224, 224).transpose(1, 2, 0)
report("xrai", "saliency (PAIR), of our attribution", pair.XRAI().GetMask(where, None, base_attribution=attribution), **ranked)

# captum finds ReLUs by their module, which the embedded network has none of.
torch.manual_seed(1)
sizes = (3, 16, 24, 32)
blocks = [(torch.nn.Conv2d(a, b, 3, 2, 1), torch.nn.ReLU()) for a, b in zip(sizes, sizes[1:])]
plain = torch.nn.Sequential(*(module for block in blocks for module in block), torch.nn.Flatten(), torch.nn.Linear(32 * 28 * 28, 10)).eval()
axes = {"image": {0: "batch"}, "logits": {0: "batch"}}
torch.onnx.export(plain, (image,), f"{folder}/plain.onnx", dynamo=False, opset_version=17, input_names=["image"], output_names=["logits"], dynamic_axes=axes)
index = int(plain(image)[0].argmax())
for method, kind in (("guided-backprop", captum.GuidedBackprop), ("deconvnet", captum.Deconvolution)):
    theirs = kind(plain).attribute(image.clone().requires_grad_(), index).detach().abs().numpy()[0].max(0)
    report(method, "captum, a small network of ReLUs", theirs, model_file=f"{folder}/plain.onnx", target=index)
