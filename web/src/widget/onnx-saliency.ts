import type { SaliencyMap } from "onnx-saliency/web";
import { overlay, resolveTarget } from "onnx-saliency/web";
import { Engine } from "../engine/engine.ts";
import type { ExplanationInfo, ImageInfo, ModelInfo } from "../engine/protocol.ts";
import { shrink, toImageData } from "../state/display-photo.ts";

const style = `
:host { display: inline-block; max-width: 100%; font: 14px/1.45 system-ui, sans-serif; }
figure { margin: 0; } canvas { display: block; max-width: 100%; height: auto; border-radius: 6px; }
figcaption { margin-top: 6px; } .error { color: #b3261e; }
`;

/**
 * `<onnx-saliency model="net.onnx" src="cat.jpg" labels="labels.txt" preprocess="imagenet" method="grad-cam" target="top1">`:
 * the photograph under its saliency map, computed in the visitor's browser. All attributes are live. Fires `explained`
 * with `{ label, probability, record, map }` in `detail`, or `failed` with a message.
 */
export class OnnxSaliencyElement extends HTMLElement {
  static readonly observedAttributes = [
    "model",
    "src",
    "labels",
    "preprocess",
    "method",
    "target",
    "device",
    "opacity",
  ];
  private readonly root = this.attachShadow({ mode: "open" });
  private engine: Engine | undefined;
  private loadedModel: { readonly key: string; readonly info: ModelInfo } | undefined;
  private loadedImage: { readonly key: string; readonly info: ImageInfo } | undefined;
  private isQueued = false;
  private last: Promise<void> = Promise.resolve();

  connectedCallback(): void {
    this.update();
  }

  disconnectedCallback(): void {
    this.engine?.close();
    this.engine = undefined;
    this.loadedModel = undefined;
    this.loadedImage = undefined;
  }

  attributeChangedCallback(): void {
    this.update();
  }

  /** Attributes that change together make one explanation. */
  private update(): void {
    if (this.isQueued || !this.isConnected) return;
    this.isQueued = true;
    queueMicrotask(() => {
      this.isQueued = false;
      this.last = this.last.then(() => this.explain()).catch((error: unknown) => this.fail(error));
    });
  }

  private async explain(): Promise<void> {
    const [model, src] = [this.getAttribute("model"), this.getAttribute("src")];
    if (model === null || src === null || !this.isConnected) return;
    this.setAttribute("aria-busy", "true");
    const engine = (this.engine ??= new Engine());
    const info = await this.openModel(engine, model);
    const photo = await this.openImage(engine, src);
    const target = resolveTarget(this.getAttribute("target") ?? "top1", {
      logits: photo.logits,
      labels: info.labels,
    });
    const method = this.getAttribute("method") ?? "grad-cam";
    const result = await engine.call("explain", { method, params: {}, target, imageKey: "", seed: 0 }).answer;
    this.show(photo, result, info);
    this.removeAttribute("aria-busy");
  }

  private async openModel(engine: Engine, model: string): Promise<ModelInfo> {
    const [labels, preprocess] = [this.getAttribute("labels"), this.getAttribute("preprocess")];
    const device = this.getAttribute("device") ?? "auto";
    const key = JSON.stringify([model, labels, preprocess, device]);
    if (this.loadedModel?.key === key) return this.loadedModel.info;
    const info = await engine.call("load-model", {
      model: new URL(model, document.baseURI).href,
      name: nameOf(model),
      dataFiles: {},
      device: device as "auto" | "wasm" | "webgpu",
      ...(labels === null ? {} : { labels: { name: nameOf(labels), text: await textOf(labels) } }),
      ...(preprocess === null
        ? {}
        : {
            preprocess: preprocess.endsWith(".json")
              ? { name: nameOf(preprocess), text: await textOf(preprocess) }
              : { name: "preprocess", text: preprocess },
          }),
    }).answer;
    this.loadedModel = { key, info };
    this.loadedImage = undefined;
    return info;
  }

  private async openImage(engine: Engine, src: string): Promise<ImageInfo> {
    if (this.loadedImage?.key === src) return this.loadedImage.info;
    const response = await fetch(new URL(src, document.baseURI));
    if (!response.ok)
      throw new Error(`${src}: expected a photograph, got status ${response.status}. Check the address.`);
    const info = await engine.call("load-image", { source: await response.blob() }).answer;
    this.loadedImage = { key: src, info };
    return info;
  }

  private show(photo: ImageInfo, { map, record }: ExplanationInfo, info: ModelInfo): void {
    const label = info.labels?.[record.target.index]?.split(",")[0] ?? `class ${record.target.index}`;
    const { probability } = record.score;
    const picture = overlay(shrink(photo.photograph, 1024), map, {
      placement: photo.placement,
      isSigned: map.isSigned === true,
      scale: scaleOf(map),
      opacity: Number(this.getAttribute("opacity") ?? 0.6),
    });
    const canvas = document.createElement("canvas");
    canvas.width = picture.width;
    canvas.height = picture.height;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `What speaks for ${label} in the photograph`);
    canvas.getContext("2d")?.putImageData(toImageData(picture), 0, 0);
    const caption = document.createElement("figcaption");
    caption.textContent = `${label}, ${(probability * 100).toFixed(1)} %`;
    if (map.degenerate !== undefined) caption.textContent += `. ${map.degenerate.message}`;
    const figure = document.createElement("figure");
    figure.append(canvas, caption);
    this.replace(figure);
    this.dispatchEvent(new CustomEvent("explained", { detail: { label, probability, record, map } }));
  }

  private fail(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    const words = document.createElement("p");
    words.className = "error";
    words.setAttribute("role", "alert");
    words.textContent = message;
    this.replace(words);
    this.removeAttribute("aria-busy");
    this.dispatchEvent(new CustomEvent("failed", { detail: { message } }));
  }

  private replace(content: HTMLElement): void {
    const sheet = document.createElement("style");
    sheet.textContent = style;
    this.root.replaceChildren(sheet, content);
  }
}

function scaleOf(map: SaliencyMap): { readonly min: number; readonly max: number } {
  let max = 0;
  for (const value of map.values) if (Number.isFinite(value)) max = Math.max(max, Math.abs(value));
  return { min: map.isSigned === true ? -max : 0, max };
}

async function textOf(address: string): Promise<string> {
  const response = await fetch(new URL(address, document.baseURI));
  if (!response.ok)
    throw new Error(`${address}: expected a text file, got status ${response.status}. Check the address.`);
  return await response.text();
}

function nameOf(address: string): string {
  return address.split(/[?#]/)[0]?.split("/").pop() ?? address;
}

customElements.define("onnx-saliency", OnnxSaliencyElement);
