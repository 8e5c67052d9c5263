"""Writes resize.json: a 7 x 5 pattern resized by Pillow in floating point (mode F) and by OpenCV. See README.md."""

import json
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

width, height = 7, 5
pattern = np.array(
    [[(3 * x * x + 7 * y + 5 * x * y) % 17 for x in range(width)] for y in range(height)], dtype=np.float32
)
image = Image.fromarray(pattern)
assert image.mode == "F"
filters = {
    "nearest": Image.Resampling.NEAREST,
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos3": Image.Resampling.LANCZOS,
}


def values(array):
    return [float(f"{value:.8g}") for value in np.asarray(array).ravel()]


result = {
    name: {
        "shrink": values(image.resize((3, 2), kind)),
        "enlarge": values(image.resize((9, 8), kind)),
        "region": values(image.resize((3, 3), kind, box=(1.25, 0.5, 6.5, 4.25))),
    }
    for name, kind in filters.items()
}
result["opencv-linear"] = {
    "shrink": values(cv2.resize(pattern, (3, 2), interpolation=cv2.INTER_LINEAR)),
    "enlarge": values(cv2.resize(pattern, (9, 8), interpolation=cv2.INTER_LINEAR)),
}
Path(__file__).with_name("resize.json").write_text(json.dumps(result, indent=1) + "\n")
