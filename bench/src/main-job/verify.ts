/** Compares a copy with its original, byte for byte, with node:fs. */
import { closeSync, fstatSync, lstatSync, openSync, readlinkSync, readSync } from "node:fs";
import { join } from "node:path";
import { FILES_PER_TURN, JobError, type Tree, type TreeFile, turn } from "./tree.js";

const CHUNK_BYTES = 1 << 20;

/** Rejects with the first difference. */
export async function verifyCopy(
  tree: Tree,
  copy: string,
  onFile: (done: number) => void = () => undefined,
  signal?: AbortSignal,
): Promise<void> {
  for (const { path } of tree.folders) {
    if (!lstatSync(join(copy, path)).isDirectory()) throw differs(path, "is not a directory");
  }
  for (const { path, target } of tree.links) {
    if (readlinkSync(join(copy, path)) !== target) throw differs(path, "points somewhere else");
  }
  const chunks = [
    Buffer.allocUnsafeSlow(CHUNK_BYTES),
    Buffer.allocUnsafeSlow(CHUNK_BYTES),
  ] as const;
  for (const [nth, file] of tree.files.entries()) {
    verifyFile(tree.root, copy, file, chunks);
    onFile(nth + 1);
    if (nth % FILES_PER_TURN === 0) await turn(signal);
  }
}

function verifyFile(
  root: string,
  copy: string,
  { path, mode }: TreeFile,
  [originalChunk, copiedChunk]: readonly [Buffer, Buffer],
): void {
  const original = openSync(join(root, path), "r");
  try {
    const copied = openSync(join(copy, path), "r");
    try {
      if ((fstatSync(copied).mode & 0o777) !== mode) throw differs(path, "has other permissions");
      for (let position = 0; ; ) {
        const bytes = readFully(original, originalChunk, position);
        const copiedBytes = readFully(copied, copiedChunk, position);
        const isSame =
          bytes === copiedBytes && originalChunk.compare(copiedChunk, 0, bytes, 0, bytes) === 0;
        if (!isSame) throw differs(path, `differs within the ${CHUNK_BYTES} bytes at ${position}`);
        if (bytes < CHUNK_BYTES) break;
        position += bytes;
      }
    } finally {
      closeSync(copied);
    }
  } finally {
    closeSync(original);
  }
}

/** Returns fewer bytes than the buffer has at the end of the file alone. */
function readFully(fd: number, buffer: Buffer, position: number): number {
  let done = 0;
  while (done < buffer.length) {
    const bytes = readSync(fd, buffer, done, buffer.length - done, position + done);
    if (bytes === 0) break;
    done += bytes;
  }
  return done;
}

function differs(path: string, how: string): JobError {
  return new JobError(
    `The copy of ${path} ${how}. Unless the original has changed meanwhile, this is a bug: please report it.`,
  );
}
