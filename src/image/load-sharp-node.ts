import { RuntimeUnavailableError } from "../errors.ts";

/**
 * The optional package sharp, loaded when first needed.
 * @throws {@link RuntimeUnavailableError} where it is not installed.
 */
export async function loadSharp(): Promise<typeof import("sharp").default> {
  try {
    return (await import("sharp")).default;
  } catch (error) {
    throw new RuntimeUnavailableError(
      'Image files need the optional package "sharp", which is not installed or has no build for this machine. ' +
        "Install it with: npm install sharp",
      { cause: error },
    );
  }
}
