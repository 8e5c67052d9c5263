"""Writes the one-operator test models of the PyPI package onnx to a folder: NAME.onnx and NAME.json (its float inputs).

Usage: python scripts/export-onnx-cases.py OUT_DIR     (pip install onnx)
Then:  ONNX_CASES=OUT_DIR npx vitest run --project system tests/onnx-cases.test.ts
"""
import json
import pathlib
import sys
import warnings

import numpy as np

warnings.filterwarnings("ignore")
import onnx.backend.test.case.node as node_cases  # noqa: E402

out = pathlib.Path(sys.argv[1])
out.mkdir(parents=True, exist_ok=True)
count = 0
for case in node_cases.collect_testcases(None):
    model = case.model
    if model is None or any(not isinstance(value, np.ndarray) for value in case.data_sets[0][0]):
        continue
    inputs = {}
    names = [value.name for value in model.graph.input]
    for name, value in zip(names, case.data_sets[0][0]):
        inputs[name] = {"type": str(value.dtype), "dims": list(value.shape), "data": np.asarray(value).ravel().tolist()}
    if not any(entry["type"] == "float32" for entry in inputs.values()):
        continue
    numbers = [np.asarray(value) for value in case.data_sets[0][0] if np.asarray(value).dtype.kind == "f"]
    if not all(np.isfinite(value).all() for value in numbers):
        continue
    if sum(len(entry["data"]) for entry in inputs.values()) > 20000:
        continue
    (out / f"{case.name}.onnx").write_bytes(model.SerializeToString())
    (out / f"{case.name}.json").write_text(json.dumps(inputs, default=str))
    count += 1
print(f"{count} models in {out}")
