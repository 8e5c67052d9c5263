"""Writes classifiers as the exporters of PyPI write them, each with an input and an independent gradient.

    python scripts/exporters/make.py OUT_DIR GROUP [--only NAME_OR_PREFIX ...] [--small]
    EXPORTED=OUT_DIR npx vitest run --project unit tests/exporters.test.ts
    EXPORTED=OUT_DIR npm run compatibility

Groups `timm`, `torchvision`, `transformers`, `video`, `recurrent`, and `derived` (what ONNX Runtime's tools make of the files of `timm`; after it):
    pip install torch==2.15.0 torchvision==0.29.2 timm==1.0.31 transformers==4.57.6 onnx==1.23.2 onnxscript==0.7.2 onnx-ir==1.1.0 \\
        onnxruntime==1.32.0 onnxconverter-common==1.16.0
Group `ultralytics`, besides torch, torchvision and onnx as above:
    pip install ultralytics==8.4.190 opencv-python-headless==5.0.0.93
Group `optimum`, besides the first: a folder for each model
    pip install optimum==2.1.0 optimum-onnx==0.1.0
Group `sklearn`, in an environment of its own:
    pip install scikit-learn==1.9.1 skl2onnx==1.20.0 catboost==1.2.10 onnx==1.23.2 onnxruntime==1.32.0
Group `keras`, in an environment of its own:
    pip install tensorflow-cpu==2.21.0 keras==3.15.1 tf2onnx==1.17.0 onnx==1.23.2 onnxruntime==1.32.0
`--small` writes the files of tests/models/exporters. Weights are random with fixed seeds. Why exporters refused some is in OUT_DIR/failed.txt.
"""

import argparse
import importlib
import sys

sys.path.insert(0, __import__("os").path.dirname(__file__))
from record import Folder  # noqa: E402

groups = {"timm": "timm_cases", "torchvision": "torchvision_cases", "transformers": "transformers_cases",
          "video": "video_cases", "recurrent": "recurrent_cases", "keras": "keras_cases", "sklearn": "sklearn_cases", "ultralytics": "ultralytics_cases", "optimum": "optimum_cases",
          "derived": "derived_cases"}
parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("folder")
parser.add_argument("group", choices=list(groups))
parser.add_argument("--only", nargs="*", default=[])
parser.add_argument("--small", action="store_true", help="only the files of tests/models/exporters")
options = parser.parse_args()
folder = Folder(options.folder, options.only, options.small)
importlib.import_module(groups[options.group]).make(folder)
folder.close()
