import { RuntimeUnavailableError } from "../errors.ts";

/** The part of WebGPU that is asked whether there is a device. */
interface GpuAdapter {
  readonly info?: { readonly isFallbackAdapter?: boolean; readonly architecture?: string };
  readonly isFallbackAdapter?: boolean;
}

/** Whether this browser has WebGPU on hardware, and if not, why. */
export async function findWebGpu(): Promise<
  { readonly kind: "hardware" | "software" } | { readonly kind: "none"; readonly reason: string }
> {
  const { gpu } = navigator as { readonly gpu?: { requestAdapter(): Promise<GpuAdapter | null> } };
  if (gpu === undefined) {
    return { kind: "none", reason: "this browser has no WebGPU, or the page is not served over HTTPS" };
  }
  try {
    const adapter = await gpu.requestAdapter();
    if (adapter === null) return { kind: "none", reason: "WebGPU finds no graphics processor here" };
    const isSoftware =
      adapter.info?.isFallbackAdapter === true ||
      adapter.isFallbackAdapter === true ||
      /swiftshader|llvmpipe/i.test(adapter.info?.architecture ?? "");
    return { kind: isSoftware ? "software" : "hardware" };
  } catch (error) {
    return { kind: "none", reason: `WebGPU does not start (${String(error)})` };
  }
}

/** The bytes of a model or data file: fetched, read from a Blob, or as they are. */
export async function readBytes(
  source: ArrayBuffer | Uint8Array | Blob | string | URL,
  name: string,
): Promise<Uint8Array> {
  if (source instanceof Uint8Array) return source;
  if (source instanceof ArrayBuffer) return new Uint8Array(source);
  if (source instanceof Blob) return new Uint8Array(await source.arrayBuffer());
  let response: Response;
  try {
    response = await fetch(source);
  } catch (error) {
    throw new RuntimeUnavailableError(
      `${name}: cannot be fetched from ${String(source)} (${error instanceof Error ? error.message : String(error)}). Check the address, and that its server allows this page (CORS).`,
      { cause: error },
    );
  }
  if (!response.ok) {
    throw new RuntimeUnavailableError(
      `${name}: expected a file at ${String(source)}, got status ${response.status}. Check the address.`,
    );
  }
  return new Uint8Array(await response.arrayBuffer());
}

/** The SHA-256 (hex) of files one after the other; `undefined` where the browser does not hash (pages without HTTPS). */
export async function hashBytes(files: readonly Uint8Array[]): Promise<string | undefined> {
  const { subtle } = crypto as { readonly subtle?: SubtleCrypto };
  if (subtle === undefined) return undefined;
  const [first = new Uint8Array()] = files;
  const whole = files.length === 1 ? first : await new Blob([...files] as BlobPart[]).arrayBuffer();
  const digest = await subtle.digest("SHA-256", whole as ArrayBuffer);
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
