/** The steps of one chain: collected, posted as a whole, and told of as a whole. Client's thread. */
import { OpcodeFlag, operations } from "@ringpost/protocol";
import { checkBoolean, type Names } from "./arguments.js";
import type { Backend } from "./backend.js";
import { type ChainOutcome, chainError, type ShortTransfer } from "./chain-outcome.js";
import { invalidArgValue, invalidState, outOfRange } from "./node-errors.js";
import { type RequestOptions, requestNames, toControl, toOptions } from "./options.js";
import { type ChainOfRequests, nothing, type PendingRequest } from "./pending-request.js";
import { makeStackless, rejectTracing } from "./rejection.js";
import { isListenedTo, publishRequest } from "./request-events.js";
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
  readonly drain?: boolean | undefined;
}

const chainNames = { ...requestNames, drain: true } satisfies Names<ChainOptions>;

const MOVES: ReadonlySet<number> = new Set([
  operations.read.opcode,
  operations.write.opcode,
  operations.splice.opcode,
  operations.tee.opcode,
]);

/** How many bytes the step has to move for the next one to run; 0 where it is about none. */
function bytesToMove(request: PendingRequest): number {
  if (request.views !== undefined)
    return request.views.reduce((bytes, view) => bytes + view.byteLength, 0);
  return MOVES.has(request.opcode) ? request.length : 0;
}

const opens = ({ opcode }: PendingRequest): boolean =>
  opcode === operations.open.opcode || opcode === operations.openat2.opcode;

/** What a step's record calls as its own, when it is settled: nothing is made per step for it. */
function resolveStep(this: PendingRequest, value: unknown): void {
  this.chain?.resolved(this, value);
}

function rejectStep(this: PendingRequest, error: Error): void {
  this.chain?.rejected(this, error);
}

const ANY_LINK = OpcodeFlag.LINK | OpcodeFlag.HARD_LINK;

const ignore = (): void => undefined;

export class ChainSteps implements ChainOfRequests {
  readonly #backend: Backend;
  readonly #collector: StepCollector;
  readonly #options: ChainOptions | undefined;
  readonly requests: PendingRequest[] = [];
  /** A step's value, or its error. */
  readonly #results: unknown[] = [];
  #rejected: Set<number> | undefined;
  /** The first one that moved less than it was to, and is not linked hard. */
  #short: ShortTransfer | undefined;
  #unsettled = 0;
  #whenSettled: () => void = ignore;
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
    const step = fd.step ?? this.requests.findLastIndex(opens);
    const opener = this.requests[step];
    if (opener !== undefined && opens(opener)) return step;
    this.refuse(invalidArgValue("fd", fd, "must mean an open step before this one"));
    return 0;
  }

  /** Takes what a method of the client has just posted. */
  add(promise: Promise<unknown>): void {
    const request = this.#collector.take();
    if (request === undefined) promise.catch(ignore);
    this.#checkThatItCollects();
    if (request === undefined) {
      this.#refuseWith(promise as Promise<never>); // nothing was posted, so it rejects
    } else {
      if ((this.#flags & OpcodeFlag.FD_OF_STEP) !== 0) request.fd = this.#fdStep;
      if ((this.#flags & OpcodeFlag.SECOND_FD_OF_STEP) !== 0) request.secondFd = this.#secondFdStep;
      request.chainFlags = this.#flags | OpcodeFlag.LINK;
      request.chain = this;
      request.step = this.requests.length;
      request.resolve = resolveStep;
      request.reject = rejectStep;
      if (opens(request)) request.decode = nothing;
      this.requests.push(request);
    }
    this.#flags = 0;
  }

  /** How the last step is tied to the next one. */
  join(joint: number): void {
    this.#checkThatItCollects();
    const last = this.requests.at(-1);
    if (last === undefined) this.refuse(invalidState("A link needs a step before it"));
    else last.chainFlags = (last.chainFlags & ~ANY_LINK) | joint;
  }

  drain(): void {
    this.#checkThatItCollects();
    this.#drains = true;
  }

  /** Once it runs nothing can be added: its steps are with the engine, or their records serve other requests by now. */
  #checkThatItCollects(): void {
    if (this.#hasRun) throw invalidState("A chain that runs takes no more steps");
  }

  refuse(error: Error): void {
    this.#refuseWith(Promise.reject(error));
  }

  #refuseWith(refusal: Promise<never>): void {
    if (this.#refusal !== undefined) return;
    refusal.catch(ignore); // told by run()
    this.#refusal = refusal;
  }

  /** Of a step that is being settled, while its record still has all it had. */
  resolved(request: PendingRequest, value: unknown): void {
    this.#results[request.step] = value;
    if ((request.chainFlags & OpcodeFlag.LINK) !== 0) {
      const expected = bytesToMove(request);
      if ((value as number) < expected) this.#short ??= { step: request.step, expected }; // then it is a count
    }
    this.#settled();
  }

  rejected(request: PendingRequest, error: Error): void {
    this.#results[request.step] = error;
    this.#rejected ??= new Set();
    this.#rejected.add(request.step);
    this.#settled();
  }

  #settled(): void {
    if (--this.#unsettled === 0) this.#whenSettled();
  }

  run(): Promise<unknown[]> {
    return (
      this.#whyNot() ??
      new Promise((resolve) => {
        this.#whenSettled = () => {
          const brokenAt = this.#brokenAt();
          if (brokenAt === undefined) resolve(this.#results);
          else rejectTracing(resolve, this.#failure(brokenAt));
        };
        this.#post();
      })
    );
  }

  #failure(brokenAt: number): Error {
    return makeStackless(() => chainError(this.#results, brokenAt, this.#short));
  }

  settle(): Promise<ChainOutcome> {
    return (
      this.#whyNot() ??
      new Promise((resolve) => {
        this.#whenSettled = () =>
          resolve({ results: this.#results.map(this.#asSettled), brokenAt: this.#brokenAt() });
        this.#post();
      })
    );
  }

  /** A second run must not touch what the first one waits for. */
  #whyNot(): Promise<never> | undefined {
    return this.#hasRun ? Promise.reject(invalidState("A chain runs once")) : this.#refusal;
  }

  readonly #asSettled = (result: unknown, step: number): PromiseSettledResult<unknown> =>
    this.#rejected?.has(step)
      ? { status: "rejected", reason: result }
      : { status: "fulfilled", value: result };

  #brokenAt(): number | undefined {
    if (this.#rejected === undefined) return this.#short?.step;
    const failed = [...this.#rejected].sort((one, other) => one - other);
    // Those that say ECANCELED are so because of another one, if there is another one.
    const isOfItself = (step: number): boolean =>
      (this.#results[step] as NodeJS.ErrnoException).code !== "ECANCELED";
    const first = failed.find(isOfItself) ?? failed[0]!;
    return Math.min(first, this.#short?.step ?? first);
  }

  /** Nothing of it runs where anything of it is wrong. Throws what is wrong. */
  #post(): void {
    const { length } = this.requests;
    const most = this.#backend.longestChain;
    if (length === 0 || length > most)
      throw outOfRange("steps", `>= 1 && <= ${most}, the client's credits`, length);
    const given = toOptions<ChainOptions>(this.#options, chainNames);
    const control = toControl(given);
    const { drain = false } = given;
    checkBoolean(drain, "options.drain");
    this.#hasRun = true;
    this.#unsettled = length;
    const [first, last] = [this.requests[0]!, this.requests[length - 1]!];
    first.chainFlags |= OpcodeFlag.CHAIN;
    if (this.#drains || drain) first.chainFlags |= OpcodeFlag.DRAIN;
    last.chainFlags &= ~ANY_LINK;
    if (control !== undefined) {
      for (const request of this.requests) {
        request.signal ??= control.signal;
        request.deadline ??= control.deadline;
      }
    }
    if (isListenedTo()) {
      for (const request of this.requests) publishRequest(request, this.#backend.client);
    }
    this.#backend.postChain(this.requests);
  }
}
