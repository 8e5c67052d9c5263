import { explain, loadImage, loadModel } from "../../../src/web.ts";
import type { ParityAnswer, ParityRequest } from "./cases.ts";

onmessage = (event: MessageEvent<ParityRequest>) => {
  answer(event.data).then(
    (result) => postMessage({ answer: result }),
    (error: unknown) => postMessage({ error: String(error) }),
  );
};

function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

async function answer(request: ParityRequest): Promise<ParityAnswer> {
  const { preprocess, device, input, cases, photograph } = request;
  const model = await loadModel({
    model: fromBase64(request.model),
    name: "parity.onnx",
    preprocess,
    device,
  });
  const maps: { values: readonly number[]; isFinite: boolean; error?: string }[] = [];
  const tensor = { type: "float32", dims: input.dims, data: Float32Array.from(input.data) } as const;
  for (const { method, params, target } of cases) {
    try {
      const { map } = await explain({ model, input: tensor, method, params, target });
      maps.push({ values: [...map.values], isFinite: map.values.every(Number.isFinite) });
    } catch (error) {
      maps.push({ values: [], isFinite: false, error: String(error) });
    }
  }
  const prepared =
    photograph === undefined ? [] : [...(await loadImage(fromBase64(photograph), model)).input.data];
  const { gradientCheck } = model;
  const result = {
    device: model.device,
    notes: model.deviceNotes,
    check:
      gradientCheck === undefined
        ? undefined
        : { verdict: gradientCheck.verdict, error: gradientCheck.gradient.error },
    prepared,
    maps,
  };
  await model.close();
  return result;
}
