import { ExplainError, WriteError } from "./errors.ts";

/** Why a file could not be written, by the code of the system, and what to do. */
const reasons: Readonly<Record<string, string>> = {
  ENOENT: "there is no such folder. Make it, or choose another folder.",
  ENOSPC: "the disk is full. Free some space, or choose another folder.",
  EDQUOT: "your disk quota is used up. Free some space, or choose another folder.",
  EACCES: "no permission to write there. Choose another folder.",
  EPERM: "no permission to write there. Choose another folder.",
  EROFS: "the file system is read-only. Choose another folder.",
  ENOTDIR: "a part of the path is a file, not a folder. Choose another folder.",
  EEXIST: "there is a file of that name, not a folder. Choose another folder.",
  EISDIR: "there is a folder of that name. Remove it, or choose another folder.",
  ENAMETOOLONG:
    "the name is too long for the file system. Rename the image, or explain fewer methods at once.",
};

/** The sentence for a failed write; errors that are not the system's come back unchanged. */
export function writeError(path: string, error: unknown): unknown {
  if (error instanceof ExplainError) return error;
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const reason = reasons[code];
  if (reason !== undefined) return new WriteError(`${path}: cannot be written: ${reason}`, { cause: error });
  return code === ""
    ? error
    : new WriteError(`${path}: cannot be written (${code}). Choose another folder.`, {
        cause: error,
      });
}
