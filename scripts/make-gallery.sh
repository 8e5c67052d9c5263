#!/usr/bin/env bash
# Makes the pictures of the README again, by the commands that stand beside them there (tests/packaging.test.ts compares them).
set -euo pipefail
cd "$(dirname "$0")/.."
npm run --silent build
explain() { node dist/cli/main.js explain "$@" --quiet; }

explain examples/coffee.png --method grad-cam,sigcam,rise,integrated-gradients,guided-backprop -p rise.masks=2000 --resize stretch --out docs/gallery
explain examples/chelsea.png --target top1:vs:rank2 --method grad-cam,input-x-gradient --resize stretch --out docs/gallery
rm -f docs/gallery/*.npy docs/gallery/*.json
ls docs/gallery
