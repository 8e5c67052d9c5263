"""torchvision, timm and Hugging Face classifiers through the two exporters of PyTorch."""

import contextlib
import copy
import logging
import os
import re
import warnings

import numpy as np
import torch

from record import uniform

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)


def randomised(model, seed=1):
    """The model with weights that leave nothing at its special starting value (zero biases, unit scales, empty tokens)."""
    generator = torch.Generator().manual_seed(seed)

    def noise(value):
        return torch.randn(value.shape, generator=generator)

    with torch.no_grad():
        for name, value in model.named_parameters():
            if not value.is_floating_point():
                continue
            is_scale = value.ndim <= 1 and re.search(r"(weight|gamma|scale)$|ls\d?$", name)
            spread = float(value.std()) if value.numel() > 1 else 0.0
            if is_scale or value.numel() == 1:
                value.copy_(1 + 0.2 * noise(value))
            elif value.ndim <= 1:
                value.copy_(0.1 * noise(value))
            elif not np.isfinite(spread) or spread < 1e-3:
                value.copy_(0.1 * noise(value))
        for name, value in model.named_buffers():
            if name.endswith("running_mean"):
                value.copy_(0.1 * noise(value))
            elif name.endswith("running_var"):
                value.copy_(1 + 0.5 * torch.rand(value.shape, generator=generator))
    return model.eval()


class Logits(torch.nn.Module):
    """Gives the logits of models that return more."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, pixel_values):
        result = self.model(pixel_values)
        return result.logits if hasattr(result, "logits") else result


def logits_of(result):
    if hasattr(result, "logits"):
        return result.logits
    return result[0] if isinstance(result, (tuple, list)) else result


@contextlib.contextmanager
def written_out():
    """Batch normalisation by its formula. The backward kernel of torch 2.15.0 takes channels for places where the batch is 1, the input
    is contiguous and the cotangent is not (tokens were made of the result): it then gives a permuted gradient, in float32 and float64."""
    def formula(x, mean, variance, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5):
        if training or mean is None:
            return kernel(x, mean, variance, weight, bias, training, momentum, eps)
        scale = (variance + eps).rsqrt() * (1 if weight is None else weight)
        shift = (0 if bias is None else bias) - mean * scale
        places = [1, -1] + [1] * (x.ndim - 2)
        return x * scale.view(places) + shift.view(places)

    kernel, torch.nn.functional.batch_norm = torch.nn.functional.batch_norm, formula
    try:
        yield
    finally:
        torch.nn.functional.batch_norm = kernel


def oracle(model, shape, dtype=torch.float64, scale=(-2, 2)):
    """Logits and gradient of the largest one by autograd."""
    double = copy.deepcopy(model).to(dtype)
    image = torch.from_numpy(uniform(shape, lo=scale[0], hi=scale[1])).to(dtype).requires_grad_()
    with written_out():
        logits = logits_of(double(image)).flatten(1)
    index = int(logits[0].argmax())
    (gradient,) = torch.autograd.grad(logits[0, index], image)
    return logits[0].detach().numpy(), gradient.numpy(), index


def near_kinks(model, shape, gradient, index):
    """What float32's rounding may make of the gradient: its largest change, in float64, where the image is moved by so little. ReLUs
    within that of their kink flip; which of them do is another matter in every runtime."""
    double = copy.deepcopy(model).double()
    generator = torch.Generator().manual_seed(2)
    changes = []
    for _ in range(4):
        noise = torch.randn(shape, generator=generator, dtype=torch.float64)
        image = (torch.from_numpy(uniform(shape)).double() * (1 + 3e-7 * noise)).requires_grad_()
        with written_out():
            (moved,) = torch.autograd.grad(logits_of(double(image)).flatten(1)[0, index], image)
        changes.append(np.linalg.norm(moved.numpy() - gradient) / np.linalg.norm(gradient))
    return max(changes)


def best_oracle(model, shape):
    """In float64 where the model allows it (some cast to float32 inside), and what float32 makes of it: ReLUs near their kink flip."""
    try:
        logits, gradient, index = oracle(model, shape)
    except (RuntimeError, TypeError, NotImplementedError):
        return (*oracle(model, shape, torch.float32), "torch autograd in float32", 1e-4)
    check(model, shape, gradient, index)
    _, single, other = oracle(model, shape, torch.float32)
    error = np.linalg.norm(single - gradient) / np.linalg.norm(gradient) if other == index else 0
    return logits, gradient, index, "torch autograd in float64", float(max(1e-4, 5 * error, 2 * near_kinks(model, shape, gradient, index)))


def is_rounded(double, image):
    """True if a module on the way gets or gives numbers that float32 holds exactly: some families cast to it inside."""
    found = []

    def look(_, inputs, outputs):
        for value in (*inputs, outputs):
            if isinstance(value, torch.Tensor) and value.dtype == torch.float64 and value.numel() > 8:
                odd = value[value.round() != value]
                found.append(odd.numel() > value.numel() / 8 and bool((odd.float().double() == odd).all()))

    hooks = [module.register_forward_hook(look) for module in double.modules()]
    with torch.no_grad():
        double(image / 3)
    for hook in hooks:
        hook.remove()
    return any(found)


def check(model, shape, gradient, index):
    """Refuses a gradient that contradicts differences of the scores that it is of, all in float64: along its signs and three random directions."""
    double = copy.deepcopy(model).double()
    image = torch.from_numpy(uniform(shape)).double()
    rounding = 1e-6 if is_rounded(double, image) else 2e-15
    generator = torch.Generator().manual_seed(1)
    directions = [torch.from_numpy(np.sign(gradient)), *(torch.randn(shape, generator=generator, dtype=torch.float64) for _ in range(3))]
    for direction in directions:
        wanted = float((torch.from_numpy(gradient) * direction).sum())
        # A direction across the gradient has a small slope; what the sizes of both allow is as good.
        size = max(abs(wanted), np.linalg.norm(gradient) * float(direction.norm()) / np.sqrt(gradient.size))
        slopes = []
        for step in (1e-3, 1e-4, 1e-5, 1e-6):
            with torch.no_grad():
                up, down = (float(logits_of(double(image + sign * step * direction)).flatten(1)[0, index]) for sign in (1, -1))
            slopes.append((up - down) / (2 * step))
            if abs(slopes[-1] - wanted) <= 5e-3 * size + rounding * abs(up) / step:
                break
        else:
            raise ValueError(f"torch's gradient contradicts its scores: slope {wanted:.5g}, by differences {slopes}")


def export(model, path, shape, opset, is_dynamo, batch, **more):
    image = torch.from_numpy(uniform(shape))
    names = {"input_names": [more.pop("input_name", "input")], "output_names": more.pop("output_names", ["output"])}
    if is_dynamo:
        dynamic = {"dynamic_shapes": ({0: torch.export.Dim("batch", min=1, max=64)},)} if batch == "free" else {}
        if batch == "free":
            image = torch.cat([image, image])
        torch.onnx.export(model, (image,), path, dynamo=True, opset_version=opset, verbose=False,
                          external_data=more.pop("external_data", False), **names, **dynamic, **more)
    else:
        first, last = names["input_names"][0], names["output_names"]
        axes = {first: {0: "batch"}, **{output: {0: "batch"} for output in last}} if batch == "free" else None
        torch.onnx.export(model, (image,), path, dynamo=False, opset_version=opset, dynamic_axes=axes, **names, **more)


def features(model, shape):
    """Shape of what the last stage gives, for timm models."""
    try:
        with torch.no_grad():
            result = model.forward_features(torch.from_numpy(uniform(shape)))
        return list(result.shape)
    except Exception:  # noqa: BLE001
        return None


def case(folder, name, make, shape, opset=17, is_dynamo=False, batch="free", source="", is_committed=False, in_file=None, **more):
    """`make` builds the model, if the case is wanted at all; `in_file`: what is exported of it, if the file takes another shape, and that shape."""
    if not folder.wants(name, is_committed):
        return

    def run():
        torch.manual_seed(1)
        model = randomised(make())
        logits, gradient, index, by, tolerance = best_oracle(model, shape)
        facts = {key: more.pop(key) for key in list(more) if key in ("grid", "refused")}
        seen = features(model, shape)
        exported, file_shape = (model, shape) if in_file is None else (in_file[0](model), in_file[1])
        export(exported, folder.file(name), file_shape, opset, is_dynamo, batch, **more)
        kind = "dynamo" if is_dynamo else "TorchScript"
        folder.record(name, f"torch {torch.__version__} {kind}", source or name, shape, logits, gradient, by,
                      class_index=index, features=seen, batch=batch, opset=opset, tolerance=tolerance, **facts)

    folder.attempt(name, run)
    for leftover in ("onnx_data",):
        if os.path.exists(f"{folder.path}/{leftover}"):
            os.remove(f"{folder.path}/{leftover}")
