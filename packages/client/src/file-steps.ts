/** readFile, writeFile and truncate as several requests: their steps, and how the error of one is told. */
import { OpenFlag, type Operation, operations, ReplyNote, Stage } from "@ringpost/protocol";
import type { RequestSink } from "./backend.js";
import { notPolledError, operationError } from "./node-errors.js";
import type { Control } from "./options.js";
import type { Fail, PendingRequest } from "./pending-request.js";
import { postControlled } from "./post.js";

/** The step that failed is the error's syscall; open and read name the path, as in node:fs of Node 26. */
export const failRecipe: Fail = (request, errno, note) => {
  if ((note & ReplyNote.NOT_ALLOWED) !== 0) return request.error(errno, note);
  switch (note & 0xffff) {
    case Stage.MOVE:
      if ((note & ReplyNote.NOT_POLLED) !== 0) {
        return notPolledError(request.syscall, request.shownPath());
      }
      return operationError(
        errno,
        request.syscall,
        request.syscall === "read" ? request.shownPath() : undefined,
      );
    case Stage.FLUSH:
      return operationError(errno, "fsync");
    case Stage.CLOSE:
      return operationError(errno, "close");
    default:
      return operationError(errno, "open", request.shownPath());
  }
};

/** The first step: a request as any other, which continues nothing. The descriptor stays the engine's. */
export function openKept(
  sink: RequestSink,
  path: string | Uint8Array,
  flags: number,
  mode: number,
  control: Control | undefined,
): Promise<number> {
  const request = sink.begin(operations.open);
  request.path = path;
  request.flags = flags | OpenFlag.KEPT;
  request.mode = mode;
  return postControlled(sink, request, control);
}

/** A later one. */
export function postStep<T>(
  sink: RequestSink,
  operation: Operation,
  fd: number,
  control: Control | undefined,
  fill?: (request: PendingRequest) => void,
): Promise<T> {
  const request = sink.begin(operation);
  request.fd = fd;
  request.continues = true;
  fill?.(request);
  return postControlled(sink, request, control);
}

/** After a failure, whose error is the one to tell. Where the client is closed, the engine has closed the file, too. */
export async function closeAnyway(sink: RequestSink, fd: number): Promise<void> {
  await postStep(sink, operations.close, fd, undefined).catch(() => undefined);
}

/** In place of a descriptor: nothing is left to close. */
export const CLOSED = -1;
