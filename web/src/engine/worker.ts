/// <reference lib="webworker" />
import {
  AbortedError,
  checkDevice,
  createMemo,
  deletion,
  encodePng,
  ExplainError,
  explain,
  explanationFigure,
  insertion,
  loadImage,
  loadModel,
  parseLabels,
  parsePreprocess,
  plausiblePreprocessing,
  probabilities,
  randomStream,
  type ColorMapName,
  type LoadedImage,
  type SaliencyMap,
  type WebModel,
} from "onnx-saliency/web";
import { createGate, pausable, type Gate } from "./pausable.ts";
import { fillerOf, hide, saliencyRanks, toPicture } from "./composite.ts";
import type {
  Calls,
  CallName,
  CandidateInfo,
  CompositeInfo,
  CurveInfo,
  FromWorker,
  ModelInfo,
  Progress,
  ToWorker,
} from "./protocol.ts";

interface JobState {
  readonly abort: AbortController;
  readonly stop: AbortController;
  readonly gate: Gate;
}

interface Context {
  readonly job: JobState;
  readonly report: (progress: Progress) => void;
}

let model: WebModel | undefined;
let image: LoadedImage | undefined;
let imageLogits: Float32Array | undefined;
let imageMemo = createMemo();
const jobs = new Map<number, JobState>();

function post(message: FromWorker): void {
  self.postMessage(message);
}

self.onmessage = (event: MessageEvent<ToWorker>) => {
  const message = event.data;
  if (message.kind === "call") {
    void answer(message.id, message.name, message.ask);
    return;
  }
  const job = jobs.get(message.id);
  if (job === undefined) return;
  switch (message.kind) {
    case "abort":
      job.abort.abort();
      job.gate.open();
      break;
    case "stop":
      job.stop.abort();
      job.gate.open();
      break;
    case "pause":
      job.gate.close();
      break;
    case "resume":
      job.gate.open();
      break;
  }
};

async function answer(id: number, name: CallName, ask: unknown): Promise<void> {
  const job: JobState = { abort: new AbortController(), stop: new AbortController(), gate: createGate() };
  jobs.set(id, job);
  try {
    const handler = handlers[name] as (ask: unknown, context: Context) => Promise<unknown>;
    const result = await handler(ask, {
      job,
      report: (progress) => post({ kind: "progress", id, progress }),
    });
    post({ kind: "answer", id, answer: result });
  } catch (error) {
    post({ kind: "error", id, message: describe(error), isAborted: error instanceof AbortedError });
  } finally {
    jobs.delete(id);
  }
}

function describe(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  if (
    error instanceof RangeError ||
    /out of memory|bad_alloc|allocation failed|Array buffer allocation/i.test(text)
  ) {
    return `Not enough memory for this: ${text}. Close other tabs, or use a smaller model or a method with fewer samples.`;
  }
  return error instanceof ExplainError ? text : `Unexpected: ${text}`;
}

function loaded(): { readonly model: WebModel; readonly image: LoadedImage } {
  if (model === undefined) throw new Error("no model is loaded");
  if (image === undefined) throw new Error("no image is loaded");
  return { model, image };
}

type Handlers = {
  readonly [Name in CallName]: (ask: Calls[Name]["ask"], context: Context) => Promise<Calls[Name]["answer"]>;
};

const handlers: Handlers = {
  async "load-model"({ model: source, name, dataFiles, labels, preprocess, device }) {
    const next = await loadModel({
      model: source,
      name,
      dataFiles,
      device,
      // The first map comes first; the page asks for the check afterwards.
      check: false,
      ...(labels === undefined ? {} : { labels: parseLabels(labels.text, labels.name) }),
      ...(preprocess === undefined
        ? {}
        : {
            preprocess: parsePreprocess(preprocess.text, preprocess.name),
          }),
    });
    await model?.close();
    model = next;
    image = undefined;
    return describeModel(next);
  },

  async "load-image"({ source }, { job }) {
    if (model === undefined) throw new Error("no model is loaded");
    const next = await loadImage(source, model);
    const logits = await model.logits(next.input, { signal: job.abort.signal });
    image = next;
    imageLogits = logits.data;
    imageMemo = createMemo();
    return {
      photograph: next.photograph,
      placement: next.placement,
      logits: logits.data,
      probabilities: probabilities(logits.data, model.probabilityKind),
    };
  },

  async explain({ method, params, target, imageKey, seed }, { job, report }) {
    const { model, image } = loaded();
    let lastReport = 0;
    const { map, record } = await explain({
      model: pausable(model, job.gate),
      input: image.input,
      method,
      params,
      target,
      seed,
      imageKey,
      ...(imageLogits === undefined
        ? {}
        : { logits: { type: "float32", dims: [1, imageLogits.length], data: imageLogits } }),
      signal: job.abort.signal,
      stop: job.stop.signal,
      onProgress({ done, total, objective, map }) {
        const now = performance.now();
        if (done < total && now - lastReport < 80) return;
        lastReport = now;
        report({
          done,
          total,
          ...(objective === undefined ? {} : { objective }),
          ...(map === undefined ? {} : { map: essential(map()) }),
        });
      },
    });
    return { map: essential(map), record };
  },

  async curves({ map, target }, { job }) {
    const { model, image } = loaded();
    const context = {
      model,
      input: image.input,
      target,
      map,
      signal: job.abort.signal,
      imageMemo,
      mapMemo: createMemo(),
      random: (...keys: readonly (string | number)[]) => randomStream(0, "curves", ...keys),
    };
    const curveOf = async (metric: typeof deletion): Promise<CurveInfo> => {
      const { score, curve } = await metric.evaluate({ ...context, params: metric.params.parse({}) });
      return { x: curve?.x ?? [], y: curve?.y ?? [], area: score ?? Number.NaN };
    };
    return { deletion: await curveOf(deletion), insertion: await curveOf(insertion) };
  },

  async remove({ map, share, kind }, { job }) {
    const { model, image } = loaded();
    const rank = saliencyRanks(map);
    const count = Math.round(share * rank.length);
    const filler = imageMemo("filler/blur", () => fillerOf(model, image.input, "blur"));
    const isHidden = (pixel: number): boolean => rank[pixel]! < count === (kind === "deletion");
    return await opinion(model, hide(image.input, filler, isHidden), job.abort.signal);
  },

  async erase({ mask, fill }, { job }) {
    const { model, image } = loaded();
    const filler = imageMemo(`filler/${fill}`, () => fillerOf(model, image.input, fill));
    return await opinion(
      model,
      hide(image.input, filler, (pixel) => mask[pixel] === 1),
      job.abort.signal,
    );
  },

  async candidates(_, { job }) {
    const { model, image } = loaded();
    const { preprocess, description } = model;
    const found = plausiblePreprocessing(model.network, { preprocess, source: description.preprocessSource });
    const answers: CandidateInfo[] = [];
    for (const { name, reason, preprocess } of found) {
      const { channels, height, width } = model;
      const { input } = await loadImage(image.photograph, { preprocess, channels, height, width });
      const logits = await model.logits(input, { signal: job.abort.signal });
      const index = logits.data.indexOf(Math.max(...logits.data));
      const { mean, std, channelOrder } = preprocess.normalization;
      answers.push({
        name,
        reason,
        description: JSON.stringify({ mean, std, channelOrder, resize: preprocess.resize }),
        index,
        probability: probabilities(logits.data, model.probabilityKind)[index] ?? 0,
      });
    }
    return answers;
  },

  async check() {
    const { verdict, gradient, reason } = await checkDevice(loaded().model);
    return { verdict, error: gradient.error, reason };
  },

  async figure({ maps, title, subtitle, opacity, colorMap }) {
    const { image } = loaded();
    const figure = explanationFigure(
      image.photograph,
      maps.map(({ map, title, note }) => ({ map, title, note, isSigned: map.isSigned === true })),
      {
        placement: image.placement,
        title,
        subtitle,
        opacity,
        ...(colorMap === undefined ? {} : { colorMap: colorMap as ColorMapName }),
      },
    );
    return await encodePng(figure);
  },
};

async function opinion(
  model: WebModel,
  input: LoadedImage["input"],
  signal: AbortSignal,
): Promise<CompositeInfo> {
  const logits = await model.logits(input, { signal });
  return {
    pixels: toPicture(model, input),
    probabilities: probabilities(logits.data, model.probabilityKind),
  };
}

/** What the page needs of a map; attributions a channel are large and stay here. */
function essential(map: SaliencyMap): SaliencyMap {
  const { attribution: _, details: __, ...rest } = map;
  return rest;
}

function describeModel(model: WebModel): ModelInfo {
  const { network, description } = model;
  const counts = new Map<string, number>();
  for (const { opType } of network.graph.nodes) counts.set(opType, (counts.get(opType) ?? 0) + 1);
  const hasLayer = network.layers.length > 0;
  return {
    name: description.file,
    ...(description.sha256 === undefined ? {} : { sha256: description.sha256 }),
    opset: description.opset,
    producer: description.producer,
    width: model.width,
    height: model.height,
    channels: model.channels,
    classCount: model.classCount,
    ...(model.labels === undefined ? {} : { labels: model.labels }),
    probabilityKind: model.probabilityKind,
    device: model.device,
    deviceNotes: model.deviceNotes,
    notes: model.notes,
    preprocess: model.preprocess,
    preprocessSource: description.preprocessSource,
    layers: network.layers,
    ...(hasLayer ? { defaultLayer: model.defaultLayer.name } : {}),
    operators: [...counts].sort((a, b) => b[1] - a[1]),
    logits: network.tail.logits,
  };
}
