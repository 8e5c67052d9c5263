"""Writes classifiers as the exporters of PyPI write them, each with an input and an independent gradient.

    python scripts/exporters/make.py OUT_DIR GROUP [--only NAME_OR_PREFIX ...] [--small]
"""

import argparse
import importlib
import sys

sys.path.insert(0, __import__("os").path.dirname(__file__))
from record import Folder  # noqa: E402

groups = {"timm": "timm_cases", "torchvision": "torchvision_cases", "transformers": "transformers_cases",
          "keras": "keras_cases", "sklearn": "sklearn_cases", "derived": "derived_cases", "ultralytics": "ultralytics_cases"}
parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("folder")
parser.add_argument("group", choices=list(groups))
parser.add_argument("--only", nargs="*", default=[])
parser.add_argument("--small", action="store_true", help="only the files of tests/models/exporters")
options = parser.parse_args()
folder = Folder(options.folder, options.only, options.small)
importlib.import_module(groups[options.group]).make(folder)
folder.close()
