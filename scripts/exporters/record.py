"""What every exporter writes: NAME.onnx, and NAME.json with an input, its scores and an independent input gradient."""

import json
import os
import pathlib

import numpy as np

SAMPLES = 96


def uniform(shape, seed=7, lo=-2.0, hi=2.0):
    """Mulberry32, as tests/support/shared-models.ts draws it: uniform in lo..hi, float32."""
    count = int(np.prod(shape))
    state = (np.uint64(seed) + np.uint64(0x6D2B79F5) * np.arange(1, count + 1, dtype=np.uint64)) & np.uint64(0xFFFFFFFF)

    def multiply(a, b):
        return (a * b) & np.uint64(0xFFFFFFFF)

    t = multiply(state ^ (state >> np.uint64(15)), state | np.uint64(1))
    t ^= (t + multiply(t ^ (t >> np.uint64(7)), t | np.uint64(61))) & np.uint64(0xFFFFFFFF)
    value = ((t ^ (t >> np.uint64(14))) & np.uint64(0xFFFFFFFF)).astype(np.float64) / 4294967296
    return (lo + (hi - lo) * value).astype(np.float32).reshape(shape)


class Folder:
    """Where the cases go; `only` names the wanted ones (all if empty)."""

    def __init__(self, path, only=(), is_small=False):
        self.path, self.only, self.is_small = pathlib.Path(path), set(only), is_small
        self.path.mkdir(parents=True, exist_ok=True)
        self.failed = []

    def wants(self, name, is_committed=False):
        if self.is_small and not is_committed:
            return False
        return not self.only or name in self.only or any(name.startswith(prefix) for prefix in self.only)

    def file(self, name):
        return str(self.path / f"{name}.onnx")

    def attempt(self, name, make):
        """Runs `make`, and keeps why it failed, so that one refusal of an exporter does not end the run."""
        try:
            make()
            file = self.file(name) if os.path.exists(self.file(name)) else self.path / name / "model.onnx"
            print(f"{name}: {os.path.getsize(file) / 1000:.0f} kB", flush=True)
        except Exception as error:  # noqa: BLE001 - any failure of an exporter is a result here
            reason = f"{type(error).__name__}: {str(error).strip().splitlines()[0][:240] if str(error).strip() else ''}"
            self.failed.append({"name": name, "why": reason})
            print(f"{name}: FAILED {reason}", flush=True)

    def record(self, name, exporter, source, shape, logits, gradient, oracle, **more):
        """`shape`, `gradient`: [1, C, H, W], whatever the layout of the file; `logits`: all classes, flat."""
        flat = np.asarray(gradient, np.float64).ravel()
        indices = np.sort(np.random.RandomState(1).permutation(flat.size)[:SAMPLES])
        logits = np.asarray(logits, np.float64).ravel()
        case = {
            "exporter": exporter,
            "source": source,
            "input": {"seed": 7, "lo": more.pop("lo", -2), "hi": more.pop("hi", 2), "shape": [int(d) for d in shape]},
            "class_index": int(more.pop("class_index", logits.argmax())),
            "logits": [float(f"{v:.9g}") for v in logits[:100]],
            "oracle": oracle,
            "input_gradient": {
                "l2": float(np.sqrt((flat**2).sum())),
                "sample_indices": [int(i) for i in indices],
                "samples": [float(f"{v:.9g}") for v in flat[indices]],
            },
            **more,
        }
        (self.path / f"{name}.json").write_text(json.dumps(case, separators=(",", ":")))

    def read(self, name):
        return json.loads((self.path / f"{name}.json").read_text())

    def close(self):
        (self.path / "failed.txt").open("a").write("".join(f"{f['name']}: {f['why']}\n" for f in self.failed))
        print(f"{len(self.failed)} failed; {len(list(self.path.glob('*.onnx')))} files in {self.path}")
