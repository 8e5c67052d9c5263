"""Hugging Face classifiers through `optimum-cli export onnx`: a folder for each, with config.json and preprocessor_config.json beside the model."""

import pathlib
import shutil
import sys
import tempfile

import numpy as np
import optimum.version
import torch
import transformers as hf
from optimum.commands.optimum_cli import main
from PIL import Image, ImageFilter

from record import uniform
from torch_models import Logits, best_oracle, randomised

NAMES = {0: "cat", 1: "dog", 2: "owl", 3: "bee", 4: "elk"}
LABELS = {"id2label": NAMES, "label2id": {name: index for index, name in NAMES.items()}}


def command_line(arguments):
    """`optimum-cli` in this process, which has its libraries loaded."""
    kept, sys.argv = sys.argv, ["optimum-cli", *arguments]
    try:
        main()
    finally:
        sys.argv = kept


def make(folder):
    def add(name, build, processor, shape, grid, is_committed=False, photograph_size=(57, 80), **options):
        name = f"optimum-{name}"
        if not folder.wants(name, is_committed):
            return

        def run():
            torch.manual_seed(1)
            model = randomised(build())
            with tempfile.TemporaryDirectory() as scratch:
                model.save_pretrained(f"{scratch}/model")
                processor.save_pretrained(f"{scratch}/model")
                flags = [text for key, value in options.items() for text in (f"--{key.replace('_', '-')}", *([] if value is True else [str(value)]))]
                command_line(["export", "onnx", "--model", f"{scratch}/model", "--task", "image-classification", *flags, f"{scratch}/out"])
                beside = pathlib.Path(folder.path, name)
                beside.mkdir(exist_ok=True)
                for file in pathlib.Path(scratch, "out").iterdir():
                    shutil.copy(file, beside / file.name)
            # What the processor itself makes of a photograph.
            photograph = np.floor(uniform((*photograph_size, 3), seed=9, lo=0, hi=256)).astype(np.uint8)
            photograph = np.asarray(Image.fromarray(photograph).filter(ImageFilter.GaussianBlur(2)))
            Image.fromarray(photograph).save(folder.path / name / "photograph.png")
            pixels = np.asarray(processor(Image.fromarray(photograph), return_tensors="pt")["pixel_values"], np.float64).ravel()
            logits, gradient, index, by, tolerance = best_oracle(Logits(model), shape)
            folder.record(name, f"optimum {optimum.version.__version__}, transformers {hf.__version__}, torch {torch.__version__}", name, shape, logits, gradient, by,
                          class_index=index, tolerance=max(tolerance, 5e-3 if "dtype" in options else 0), grid=grid, labels=list(NAMES.values()),
                          file=f"{name}/model.onnx", photograph={"file": f"{name}/photograph.png", "pixels": [float(f"{v:.4g}") for v in pixels[:: pixels.size // 500]]})

        folder.attempt(name, run)

    def size(shape):
        return {"height": shape[2], "width": shape[3]}

    tokens = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32, "image_size": 32, "patch_size": 8, **LABELS}
    stages = {"hidden_sizes": [8, 8, 16, 16], "depths": [1, 1, 1, 1], **LABELS}
    square, edge = (1, 3, 32, 32), {"shortest_edge": 64}
    # Differences of odd sizes are left out: torchvision, which is followed, cuts them half a pixel off. DeiT's and BEiT's processors distort
    # oblong photographs before they cut; their models were evaluated without that, which is followed, too.
    add("vit", lambda: hf.ViTForImageClassification(hf.ViTConfig(**tokens)), hf.ViTImageProcessor(size=size(square)), square, [4, 4])
    add("vit-fp16", lambda: hf.ViTForImageClassification(hf.ViTConfig(**tokens)), hf.ViTImageProcessor(size=size(square)), square, [4, 4], dtype="fp16")
    add("vit-o3", lambda: hf.ViTForImageClassification(hf.ViTConfig(**tokens)), hf.ViTImageProcessor(size=size(square)), square, [4, 4], optimize="O3")
    add("vit-fast", lambda: hf.ViTForImageClassification(hf.ViTConfig(**tokens)), hf.ViTImageProcessorFast(size=size(square)), square, [4, 4])
    add("deit", lambda: hf.DeiTForImageClassification(hf.DeiTConfig(**tokens)),
        hf.DeiTImageProcessor(size={"height": 36, "width": 36}, crop_size=size(square)), square, [4, 4], photograph_size=(60, 60))
    add("beit", lambda: hf.BeitForImageClassification(hf.BeitConfig(**tokens, use_relative_position_bias=True)),
        hf.BeitImageProcessor(size={"height": 40, "width": 40}, crop_size=size(square)), square, [4, 4], photograph_size=(60, 60))
    add("dinov2", lambda: hf.Dinov2ForImageClassification(hf.Dinov2Config(**tokens)),
        hf.BitImageProcessor(size={"shortest_edge": 40}, crop_size=size(square)), square, [4, 4])
    wide = (1, 3, 64, 64)
    add("convnext", lambda: hf.ConvNextForImageClassification(hf.ConvNextConfig(**stages)), hf.ConvNextImageProcessor(size=edge), wide, [2, 2], is_committed=True)
    add("resnet", lambda: hf.ResNetForImageClassification(hf.ResNetConfig(embedding_size=8, layer_type="basic", **stages)),
        hf.ConvNextImageProcessor(size=edge, crop_pct=0.94), wide, [2, 2], photograph_size=(60, 80))
    add("swin", lambda: hf.SwinForImageClassification(hf.SwinConfig(embed_dim=8, depths=[1, 1], num_heads=[2, 2], window_size=4, image_size=64, **LABELS)),
        hf.ViTImageProcessor(size=size(wide), image_mean=[0.485, 0.456, 0.406], image_std=[0.229, 0.224, 0.225], resample=3), wide, [8, 8])
    add("mobilevit", lambda: hf.MobileViTForImageClassification(hf.MobileViTConfig(
        hidden_sizes=[8, 8, 8], neck_hidden_sizes=[8, 8, 8, 8, 8, 8, 16], image_size=64, **LABELS)),
        hf.MobileViTImageProcessor(size={"shortest_edge": 72}, crop_size=size(wide)), wide, [2, 2])
    add("mobilenetv2", lambda: hf.MobileNetV2ForImageClassification(hf.MobileNetV2Config(depth_multiplier=0.1, image_size=64, **LABELS)),
        hf.MobileNetV2ImageProcessor(size={"shortest_edge": 72}, crop_size=size(wide)), wide, [2, 2])
    add("levit", lambda: hf.LevitForImageClassification(hf.LevitConfig(
        hidden_sizes=[16, 16, 16], num_attention_heads=[2, 2, 2], depths=[1, 1, 1], key_dim=[8, 8, 8], image_size=64, **LABELS)),
        hf.LevitImageProcessor(size=edge, crop_size=size(wide)), wide, None)
    add("poolformer", lambda: hf.PoolFormerForImageClassification(hf.PoolFormerConfig(**stages)),
        hf.PoolFormerImageProcessor(size=edge, crop_size=size(wide), crop_pct=0.94), wide, [2, 2], photograph_size=(60, 80))
    add("efficientnet", lambda: hf.EfficientNetForImageClassification(hf.EfficientNetConfig(
        width_coefficient=0.25, depth_coefficient=0.3, hidden_dim=320, image_size=64, **LABELS)), hf.EfficientNetImageProcessor(size=size(wide)), wide, [2, 2])
    add("vit-oblong", lambda: hf.ViTForImageClassification(hf.ViTConfig(**{**tokens, "image_size": (32, 48)})),
        hf.ViTImageProcessor(size={"height": 32, "width": 48}), (1, 3, 32, 48), [4, 6])
