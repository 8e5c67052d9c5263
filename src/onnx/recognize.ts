import type { ByteSource } from "./byte-source.ts";

/**
 * What a file is that is certainly not an ONNX model, with what to do about it (the end of an error message), or
 * `undefined` for a file that may be one. Looks at the first bytes only, never at the name.
 */
export function recognizeForeignFile(source: ByteSource): string | undefined {
  if (source.size === 0) return "an empty file. The download or export did not finish; run it again.";
  const head = source.read(0, Math.min(source.size, 1024));
  // Latin-1: one character a byte, so that positions agree.
  const text = Array.from(head, (byte) => String.fromCharCode(byte)).join("");
  const bytesStart = (...bytes: readonly number[]): boolean =>
    bytes.every((byte, index) => head[index] === byte);

  if (text.startsWith("PK\x03\x04")) {
    if (text.includes("data.pkl") || text.includes("/version") || text.includes("constants.pkl"))
      return pyTorch;
    if (text.includes("config.json") || text.includes("metadata.json")) return keras;
    return "a ZIP archive. Unpack it and give the .onnx file inside.";
  }
  // A pickle: protocol marker, then the protocol.
  if (head[0] === 0x80 && (head[1] ?? 0) >= 2 && (head[1] ?? 0) <= 5) return pyTorch;
  if (bytesStart(0x89, 0x48, 0x44, 0x46)) return keras;
  if (text.slice(4, 8) === "TFL3")
    return "a TensorFlow Lite model. Convert it: python -m tf2onnx.convert --tflite model.tflite --output model.onnx";
  if (text.slice(4, 8) === "ORTM")
    return "a model in ONNX Runtime's own format (.ort). Give the .onnx file that it was made from.";
  if (text.startsWith("GGUF"))
    return "a GGUF file (a language model). Only image classifiers in ONNX can be explained.";
  if (/^[^]{8}\{"/.test(text) && head[7] === 0)
    return "a safetensors file: weights without a network. Export the model to ONNX from the library that made it.";
  if (text.startsWith("version https://git-lfs"))
    return "a Git LFS pointer, not the model. Fetch the file itself: git lfs pull";
  if (bytesStart(0x1f, 0x8b)) return "a gzip archive. Unpack it first: gunzip or tar -xzf";
  if (bytesStart(0x89, 0x50, 0x4e, 0x47) || bytesStart(0xff, 0xd8, 0xff))
    return "a picture. The model comes first, the picture second.";
  return recognizeText(text, head);
}

const pyTorch =
  'a PyTorch file. Load the model in Python and export it: torch.onnx.export(model, torch.randn(1, 3, 224, 224), "model.onnx", dynamo=True)';
const keras =
  'a Keras model (HDF5 or .keras). Convert it with tf2onnx: tf2onnx.convert.from_keras(model, output_path="model.onnx")';

function recognizeText(text: string, head: Uint8Array): string | undefined {
  const start = text.trimStart().toLowerCase();
  if (start.startsWith("<!doctype html") || start.startsWith("<html")) {
    return "a web page. The download was redirected to a page; use the link to the raw file.";
  }
  if (start.startsWith("<?xml"))
    return "an XML file (OpenVINO keeps networks so). Give the ONNX file it was converted from.";
  if (start.startsWith("{") || start.startsWith("["))
    return "a JSON file (TensorFlow.js keeps networks so). Convert the original model to ONNX.";
  // Printable text throughout: ONNX has a control character in its first two bytes.
  const isText = head.every((byte) => byte >= 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d);
  return isText ? "a text file. Give the .onnx file itself." : undefined;
}
