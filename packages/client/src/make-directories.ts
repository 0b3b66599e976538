/** mkdir with `recursive`: the missing folders above, too. Several requests, under one signal and one deadline. */
import { dirname } from "node:path";
import { ENOENT, ENOTDIR, type Operation, operations } from "@ringpost/protocol";
import type { RequestSink } from "./backend.js";
import { operationError } from "./node-errors.js";
import type { Control } from "./options.js";
import { type Decode, nothing, type PendingRequest } from "./pending-request.js";
import { postControlled } from "./post.js";
import { toStats } from "./stat-result.js";

/** The bytes of a path, each as one character: they may be no UTF-8, and the kernel is to get the very bytes. */
type PathBytes = string;

const toBytes = (path: string | Uint8Array): PathBytes => Buffer.from(path).toString("latin1");
const fromBytes = (path: PathBytes): Buffer => Buffer.from(path, "latin1");

/** STATX_TYPE of include/uapi/linux/stat.h. */
const STATX_TYPE = 1;

const codeOf = (error: unknown): unknown => (error as NodeJS.ErrnoException).code;

const mkdirError = (errno: number, path: PathBytes): Error =>
  operationError(errno, operations.mkdir.syscall, fromBytes(path).toString());

const asIsDirectory: Decode = (_request, _result, _note, payload) =>
  toStats(payload.values, payload.at).isDirectory();

export class DirectoryMaker {
  readonly #sink: RequestSink;
  readonly #mode: number;
  readonly #control: Control | undefined;
  #hasBegun = false;

  constructor(sink: RequestSink, mode: number, control: Control | undefined) {
    this.#sink = sink;
    this.#mode = mode;
    this.#control = control;
  }

  /** Returns the first directory that it made, as node:fs does: undefined where all of them were there. */
  async make(path: string | Uint8Array): Promise<string | undefined> {
    const first = await this.#make(toBytes(path), false);
    return first === undefined ? undefined : fromBytes(first).toString();
  }

  /**
   * @param isAbove whether it is for the sake of one below
   * @param isAgain whether what is above is there
   */
  async #make(path: PathBytes, isAbove: boolean, isAgain = false): Promise<PathBytes | undefined> {
    const above = dirname(path);
    try {
      await this.#mkdir(path);
      return path;
    } catch (error) {
      if (codeOf(error) === "EEXIST") {
        await this.#checkDirectory(path, isAbove, error);
        return undefined;
      }
      // Once more, not again and again: of "", below a folder that is removed, and in /proc the kernel says ENOENT for ever.
      if (codeOf(error) !== "ENOENT" || isAgain || above === path) throw error;
    }
    const first = await this.#make(above, true);
    const made = await this.#make(path, isAbove, true);
    return first ?? made;
  }

  /** Of a name that is taken: by a directory, or it throws what node:fs does. */
  async #checkDirectory(path: PathBytes, isAbove: boolean, taken: unknown): Promise<void> {
    const isDirectory = await this.#isDirectory(path).catch((error: unknown) => {
      if (codeOf(error) !== "ENOENT") throw error;
      return undefined; // a link that leads nowhere, or somebody has removed it meanwhile
    });
    if (isDirectory) return;
    if (isAbove) throw mkdirError(ENOTDIR, path);
    throw isDirectory === undefined ? mkdirError(ENOENT, path) : taken;
  }

  #mkdir(path: PathBytes): Promise<void> {
    const request = this.#begin(operations.mkdir, path);
    request.mode = this.#mode;
    request.decode = nothing;
    return postControlled(this.#sink, request, this.#control);
  }

  #isDirectory(path: PathBytes): Promise<boolean> {
    const request = this.#begin(operations.stat, path);
    request.mode = STATX_TYPE;
    request.syscall = operations.mkdir.syscall; // as node:fs, whatever part of it fails
    request.decode = asIsDirectory;
    return postControlled(this.#sink, request, this.#control);
  }

  #begin(operation: Operation, path: PathBytes): PendingRequest {
    const request = this.#sink.begin(operation);
    request.path = fromBytes(path);
    request.continues = this.#hasBegun;
    this.#hasBegun = true;
    return request;
  }
}
