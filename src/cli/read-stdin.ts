import { ParameterError } from "../errors.ts";

/** All bytes of standard input. @throws {ParameterError} if a person sits there instead of a file. */
export async function readStdin(): Promise<Uint8Array> {
  if (process.stdin.isTTY)
    throw new ParameterError(
      "-: expected an image on standard input, got a terminal. Pipe a file in: explain - < photo.jpg",
    );
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
