#!/bin/sh
# Writes src/onnx/generated/onnx-ml_pb.ts from onnx-ml.proto (Apache-2.0) as the PyPI wheel `onnx` ships it.
# Needs pip and npm; works in a temporary folder and changes nothing else. Usage: sh scripts/generate-onnx-proto.sh
set -eu
onnx_version=1.23.2
protobuf_es_version=2.17.0
buf_version=1.75.0
out=$(cd "$(dirname "$0")/../src/onnx/generated" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
pip download --quiet --no-deps "onnx==$onnx_version"
mkdir proto
python3 -m zipfile -e onnx-*.whl wheel
cp wheel/onnx/onnx-ml.proto proto/
npm init --yes > /dev/null
npm install --silent "@bufbuild/buf@$buf_version" "@bufbuild/protoc-gen-es@$protobuf_es_version" > /dev/null
# erasable_syntax: enums become `as const` objects, which erasableSyntaxOnly demands.
cat > buf.gen.yaml <<YAML
version: v2
plugins:
  - local: ./node_modules/.bin/protoc-gen-es
    out: out
    opt: [target=ts, import_extension=ts, erasable_syntax=true]
YAML
./node_modules/.bin/buf generate proto
cp out/onnx-ml_pb.ts "$out/"
