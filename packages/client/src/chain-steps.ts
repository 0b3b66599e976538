/** The steps of one chain: collected, posted as a whole, and told of as a whole. Client's thread. */
import { OpcodeFlag, operations } from "@ringpost/protocol";
import type { Backend } from "./backend.js";
import { type ChainOutcome, chainError } from "./chain-outcome.js";
import { invalidArgValue, invalidState, outOfRange } from "./node-errors.js";
import { type RequestOptions, toControl, toOptions } from "./options.js";
import { nothing, type PendingRequest } from "./pending-request.js";
import type { StepCollector } from "./step-collector.js";

/** Stands for the descriptor of a file that an earlier step of the chain opens. */
export class OpenedFile {
  /** Which step; undefined for the last open before. */
  readonly step: number | undefined;

  constructor(step: number | undefined) {
    this.step = step;
  }
}

/** In a chain, as the descriptor of a step: the file that the last `open` before it has opened. */
export const opened: OpenedFile = new OpenedFile(undefined);

/** The same of a certain step, counted from 0. */
export const openedBy = (step: number): OpenedFile => new OpenedFile(step);

/** A descriptor of the process, or of the chain. */
export type ChainFd = number | OpenedFile;

export interface ChainOptions extends RequestOptions {
  /**
   * Whether the chain begins only when all that this client has posted before is done, and what it posts after begins only when
   * the chain is done. Default false.
   */
  readonly drain?: boolean;
}

const NO_COUNT = -1;

const COUNTED: ReadonlySet<number> = new Set([
  operations.read.opcode,
  operations.write.opcode,
  operations.splice.opcode,
  operations.tee.opcode,
]);

/** How many bytes the step has to move for the next one to run; NO_COUNT where it moves none. */
function bytesToMove(request: PendingRequest): number {
  if (request.views !== undefined)
    return request.views.reduce((bytes, view) => bytes + view.byteLength, 0);
  return COUNTED.has(request.opcode) ? request.length : NO_COUNT;
}

/** Those that say ECANCELED are so because of another one, if there is another one. */
function firstFailure(results: readonly PromiseSettledResult<unknown>[]): number {
  const isOfItself = (each: PromiseSettledResult<unknown>): boolean =>
    each.status === "rejected" && (each.reason as NodeJS.ErrnoException).code !== "ECANCELED"; // Errors all
  const ofItself = results.findIndex(isOfItself);
  return ofItself >= 0 ? ofItself : results.findIndex(({ status }) => status === "rejected");
}

const ignore = (): void => undefined;

export class ChainSteps {
  readonly #backend: Backend;
  readonly #collector: StepCollector;
  readonly #options: ChainOptions | undefined;
  readonly #requests: PendingRequest[] = [];
  readonly #promises: Promise<unknown>[] = [];
  readonly #expected: number[] = [];
  readonly #joints: number[] = [];
  readonly #opens: boolean[] = [];
  /** Of the next step. */
  #flags = 0;
  #fdStep = 0;
  #secondFdStep = 0;
  #drains = false;
  #hasRun = false;
  /** Why it can't run: the first wrong argument. */
  #refusal: Promise<never> | undefined;

  constructor(backend: Backend, collector: StepCollector, options: ChainOptions | undefined) {
    this.#backend = backend;
    this.#collector = collector;
    this.#options = options;
  }

  /** The descriptor that the client's method is called with, for the next step. */
  fd(fd: ChainFd): number {
    if (!(fd instanceof OpenedFile)) return fd;
    this.#fdStep = this.#opener(fd);
    this.#flags |= OpcodeFlag.FD_OF_STEP;
    return 0;
  }

  /** Of a splice or tee: where it writes. */
  secondFd(fd: ChainFd): number {
    if (!(fd instanceof OpenedFile)) return fd;
    this.#secondFdStep = this.#opener(fd);
    this.#flags |= OpcodeFlag.SECOND_FD_OF_STEP;
    return 0;
  }

  #opener(fd: OpenedFile): number {
    const step = fd.step ?? this.#opens.lastIndexOf(true);
    if (this.#opens[step] === true) return step;
    this.refuse(invalidArgValue("fd", fd, "must mean an open step before this one"));
    return 0;
  }

  /** Takes what a method of the client has just posted. */
  add(promise: Promise<unknown>): void {
    const request = this.#collector.take();
    if (request === undefined) {
      promise.catch(ignore);
      this.#refuseWith(promise as Promise<never>); // nothing was posted, so it rejects
    } else {
      if ((this.#flags & OpcodeFlag.FD_OF_STEP) !== 0) request.fd = this.#fdStep;
      if ((this.#flags & OpcodeFlag.SECOND_FD_OF_STEP) !== 0) request.secondFd = this.#secondFdStep;
      request.chainFlags = this.#flags;
      this.#requests.push(request);
      this.#promises.push(promise);
      this.#expected.push(bytesToMove(request));
      this.#joints.push(OpcodeFlag.LINK);
      const opens =
        request.opcode === operations.open.opcode || request.opcode === operations.openat2.opcode;
      if (opens) request.decode = nothing;
      this.#opens.push(opens);
    }
    this.#flags = 0;
  }

  /** How the last step is tied to the next one. */
  join(joint: number): void {
    if (this.#joints.length === 0) this.refuse(invalidState("A link needs a step before it"));
    else this.#joints[this.#joints.length - 1] = joint;
  }

  drain(): void {
    this.#drains = true;
  }

  refuse(error: Error): void {
    this.#refuseWith(Promise.reject(error));
  }

  #refuseWith(refusal: Promise<never>): void {
    if (this.#refusal !== undefined) return;
    refusal.catch(ignore); // told by run()
    this.#refusal = refusal;
  }

  async run(): Promise<unknown[]> {
    await this.#post();
    let results: unknown[];
    try {
      results = await Promise.all(this.#promises);
    } catch {
      return this.#reject();
    }
    return this.#firstShort(results) === undefined ? results : this.#reject();
  }

  async #reject(): Promise<never> {
    const { results, brokenAt = 0 } = await this.#outcome();
    throw chainError(results, brokenAt, this.#expected[brokenAt]!);
  }

  async settle(): Promise<ChainOutcome> {
    await this.#post();
    return this.#outcome();
  }

  async #outcome(): Promise<ChainOutcome> {
    const results = await Promise.allSettled(this.#promises);
    const values = results.map((each) => (each.status === "fulfilled" ? each.value : undefined));
    const failed = firstFailure(results);
    const short = this.#firstShort(values);
    const broken = failed < 0 ? short : Math.min(failed, short ?? failed);
    return { results, brokenAt: broken };
  }

  /** The first step that the next one counts on, and that has moved less than it was to. */
  #firstShort(values: readonly unknown[]): number | undefined {
    for (let step = 0; step < values.length - 1; step++) {
      const expected = this.#expected[step]!;
      if (expected === NO_COUNT || this.#joints[step] === OpcodeFlag.HARD_LINK) continue;
      if (values[step] !== undefined && (values[step] as number) < expected) return step; // a count
    }
    return undefined;
  }

  /** Nothing of it runs where anything of it is wrong. */
  #post(): Promise<void> | undefined {
    if (this.#refusal !== undefined) return this.#refusal;
    if (this.#hasRun) throw invalidState("A chain runs once");
    const { length } = this.#requests;
    const most = this.#backend.longestChain;
    if (length === 0 || length > most)
      throw outOfRange("chain.length", `>= 1 && <= ${most}`, length);
    const control = toControl(this.#options);
    const drains = this.#drains || toOptions<ChainOptions>(this.#options).drain === true;
    this.#hasRun = true;
    for (let step = 0; step < length; step++) {
      const request = this.#requests[step]!;
      if (step < length - 1) request.chainFlags |= this.#joints[step]!;
      request.chain = this.#requests;
      if (control !== undefined) {
        request.signal ??= control.signal;
        request.deadline ??= control.deadline;
      }
    }
    this.#requests[0]!.chainFlags |= drains
      ? OpcodeFlag.CHAIN | OpcodeFlag.DRAIN
      : OpcodeFlag.CHAIN;
    this.#backend.postChain(this.#requests);
    return undefined;
  }
}
