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

function breakGpu(): void {
  const requestDevice = (): Promise<never> => Promise.reject(new Error("the device is lost"));
  const adapter = { info: { isFallbackAdapter: false }, features: new Set(), limits: {}, requestDevice };
  Object.defineProperty(navigator, "gpu", { value: { requestAdapter: () => Promise.resolve(adapter) } });
}

async function answer(request: ParityRequest): Promise<ParityAnswer> {
  const { preprocess, device, input, cases, photograph, repeats = 1 } = request;
  if (request.hasBrokenGpu === true) breakGpu();
  const model = await loadModel({
    model: fromBase64(request.model),
    name: "parity.onnx",
    preprocess,
    device,
  });
  const maps: ParityAnswer["maps"][number][] = [];
  const tensor = { type: "float32", dims: input.dims, data: Float32Array.from(input.data) } as const;
  for (const { method, params, target } of cases) {
    try {
      const times: number[] = [];
      let values = new Float32Array();
      for (let repeat = 0; repeat < repeats; repeat++) {
        const start = performance.now();
        const { map } = await explain({ model, input: tensor, method, params, target });
        times.push(performance.now() - start);
        values = new Float32Array(map.values);
      }
      maps.push({ values: [...values], isFinite: values.every(Number.isFinite), times });
    } catch (error) {
      maps.push({ values: [], isFinite: false, times: [], error: String(error) });
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
