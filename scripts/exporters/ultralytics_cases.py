"""Ultralytics' classifiers through its own `export`: metadata of names, size and task; small ones by a description of a few channels."""

import copy
import os
import shutil
import tempfile

os.environ.setdefault("YOLO_OFFLINE", "true")

import torch
import ultralytics
import yaml
from ultralytics import YOLO

from torch_models import best_oracle, randomised

NAMES = dict(enumerate(["cat", "dog", "man's best friend", 'a "quoted" name', "owl", "bee", "elk", "ox", "ant", "yak"]))


class Logits(torch.nn.Module):
    """Outside an export the head gives probabilities and logits."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, image):
        return self.model(image)[1]


def description(folder, channels):
    """YOLOv8's classifier with at most 8 channels a layer (but for the head, which always has 1280)."""
    backbone = [[-1, 1, "Conv", [64, 3, 2]], [-1, 1, "Conv", [128, 3, 2]], [-1, 3, "C2f", [128, True]], [-1, 1, "Conv", [256, 3, 2]],
                [-1, 6, "C2f", [256, True]]]
    whole = {"nc": len(NAMES), "ch": channels, "channels": channels, "scales": {"n": [0.33, 0.25, 8]}, "backbone": backbone, "head": [[-1, 1, "Classify", ["nc"]]]}
    path = os.path.join(folder, "yolov8n-small-cls.yaml")
    with open(path, "w") as file:
        yaml.safe_dump(whole, file)
    return path


def make(folder):
    def add(name, architecture, shape, names=None, is_committed=False, **options):
        name = f"ultralytics-{name}"
        if not folder.wants(name, is_committed):
            return

        def run():
            with tempfile.TemporaryDirectory() as scratch:
                torch.manual_seed(1)
                yolo = YOLO(architecture or description(scratch, shape[1]), task="classify")
                randomised(yolo.model)
                if names is not None:
                    yolo.model.names = names
                logits, gradient, index, by, tolerance = best_oracle(Logits(copy.deepcopy(yolo.model).eval()), shape)
                start, target = os.getcwd(), os.path.abspath(folder.file(name))
                os.chdir(scratch)
                try:
                    made = yolo.export(format="onnx", imgsz=list(shape[2:]), verbose=False, **options)
                    shutil.copy(made, target)
                finally:
                    os.chdir(start)
            folder.record(name, f"ultralytics {ultralytics.__version__}, torch {torch.__version__}", name, shape, logits, gradient, by,
                          class_index=index, tolerance=tolerance, **({"labels": list(names.values())} if names else {}))

        folder.attempt(name, run)

    add("yolov8n", "yolov8n-cls.yaml", (1, 3, 64, 64))
    add("yolo11n", "yolo11n-cls.yaml", (1, 3, 64, 64))
    add("yolo11n-dynamic", "yolo11n-cls.yaml", (1, 3, 64, 64), dynamic=True)
    add("yolo12n", "yolo12n-cls.yaml", (1, 3, 64, 64))
    add("yolo26n", "yolo26n-cls.yaml", (1, 3, 64, 64))
    add("small", None, (1, 3, 64, 64), NAMES, is_committed=True)
    add("small-wide", None, (1, 3, 64, 96), NAMES)
    add("small-gray", None, (1, 1, 64, 64), NAMES)
