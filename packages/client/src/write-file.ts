/** writeFile: one request, or the steps of one where it is more than one write can move. And truncate, of a path. */
import { constants } from "node:fs";
import { MAX_TRANSFER_BYTES, OpenFlag, operations } from "@ringpost/protocol";
import type { RequestSink } from "./backend.js";
import { CLOSED, closeAnyway, failRecipe, openKept, postStep } from "./file-steps.js";
import type { Control } from "./options.js";
import { nothing } from "./pending-request.js";
import { postControlled } from "./post.js";

export interface WriteFileArguments {
  readonly path: string | Uint8Array;
  readonly data: Uint8Array;
  readonly openFlags: number;
  readonly mode: number;
  readonly flush: boolean;
  readonly control: Control | undefined;
}

export function writeWholeFile(sink: RequestSink, file: WriteFileArguments): Promise<void> {
  if (file.data.length > MAX_TRANSFER_BYTES) return writeInParts(sink, file);
  const request = sink.begin(operations.writeFile);
  request.path = file.path;
  request.flags = file.openFlags | (file.flush ? OpenFlag.FLUSH : 0);
  request.mode = file.mode;
  request.view = file.data;
  request.length = file.data.length;
  request.decode = nothing;
  request.fail = failRecipe;
  return postControlled(sink, request, file.control);
}

/** More than one write can move: the steps of the recipe one by one. */
async function writeInParts(sink: RequestSink, file: WriteFileArguments): Promise<void> {
  const { path, data, openFlags, mode, flush, control } = file;
  let fd = await openKept(sink, path, openFlags, mode, control);
  try {
    for (let done = 0; done < data.length; ) {
      done += await postStep<number>(sink, operations.write, fd, control, (request) => {
        request.view = data.subarray(done);
        request.setPosition(done);
        request.length = Math.min(data.length - done, MAX_TRANSFER_BYTES);
      });
    }
    if (flush) await postStep(sink, operations.fsync, fd, control);
    await postStep(sink, operations.close, fd, undefined);
    fd = CLOSED;
  } finally {
    if (fd !== CLOSED) await closeAnyway(sink, fd);
  }
}

/** As node:fs does it: by a descriptor. */
export async function truncateFile(
  sink: RequestSink,
  path: string | Uint8Array,
  length: number,
  control: Control | undefined,
): Promise<void> {
  const fd = await openKept(sink, path, constants.O_RDWR, 0, control);
  try {
    await postStep(sink, operations.ftruncate, fd, control, (request) => {
      request.setPosition(length);
      request.decode = nothing;
    });
  } finally {
    await closeAnyway(sink, fd);
  }
}
