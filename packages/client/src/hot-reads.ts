/**
 * Reads of cached data in the client's own thread: what the page cache has is there in the time that it takes to copy it, less than to
 * hand a request over. So a client that does one thing after the other asks the kernel first whether it is (native/src/hot_read.h), and
 * the engine gets what isn't cached. A client that has several requests at a time leaves all of it to the engine, which works beside it;
 * but not where the engine has others to work for, too (company.ts).
 */
import { constants } from "node:fs";
import type { Mailbox } from "@ringpost/mailbox";
import type { NativeClient } from "@ringpost/native";
import { ClientCounter, EAGAIN, operations } from "@ringpost/protocol";
import { Company } from "./company.js";
import type { PendingRequest } from "./pending-request.js";
import { setImmediate } from "./real-timers.js";
import type { SlotTable } from "./slot-table.js";
import type { WaitingLine } from "./waiting-line.js";

const { O_RDONLY } = constants;

/** So many requests in succession, each posted when those before it were settled, show that the client works that way. */
const CALM = 32;

/** A longer copy would hold up this thread for more than a hand-over costs: about 4 µs, twice as long into pages that are new. */
const MOST_BYTES = 65_536;

/** The upper halves of positions are below this. The other ones are of positions from 2^53 on, and of the file's own offset. */
const POSITION_HIGH_LIMIT = 2 ** 21;

/** What a read costs besides the copy, and a whole file, in bytes that could be copied meanwhile. */
const CALL_BYTES = 16_384;
const FILE_BYTES = 131_072;

/** After so much (0.1 ms, or 77 reads of 4 KiB) the event loop has its turn before the next reads settle; and until then so much may be read. */
const BYTES_PER_TURN = 1_572_864;
const MOST_BYTES_PER_TURN: number = 4 * BYTES_PER_TURN;

/** Where nothing is cached, one read in 2^4 + 1 asks all the same; where the kernel can't tell, or may not, one in 2^9 + 1. */
const MOST_RARITY_UNCACHED = 4;
const MOST_RARITY = 9;

/** Done, but not settled. */
interface Late {
  readonly request: PendingRequest;
  readonly value: unknown;
}

export class HotReads {
  readonly #native: NativeClient;
  readonly #slots: SlotTable;
  readonly #line: WaitingLine;
  readonly #counters: Float64Array;
  readonly #mailbox: Mailbox;
  /** Made when the first read asks for it. */
  #company: Company | undefined;
  #isOn: boolean;
  /** Such requests in succession, up to {@link CALM}. */
  #calm = 0;
  #skips = 0;
  #rarity = 0;
  /** Since the event loop had its last turn on account of these reads. */
  #bytes = 0;
  /** To be settled in the event loop's next turn. */
  #late: Late[] = [];
  /** Small files are read into this, as their size isn't known before. Made with the first. */
  #scratch: Buffer | undefined;

  readonly #onTurn = (): void => this.#settleLate();

  constructor(
    native: NativeClient,
    mailbox: Mailbox,
    slots: SlotTable,
    line: WaitingLine,
    counters: Float64Array,
    isOn: boolean,
  ) {
    this.#native = native;
    this.#mailbox = mailbox;
    this.#slots = slots;
    this.#line = line;
    this.#counters = counters;
    this.#isOn = isOn;
  }

  /** The client closes, or its engine is gone: further reads are refused as all its requests are. */
  end(): void {
    this.#isOn = false;
    this.#settleLate();
  }

  /** Returns whether the request is done, and its promise settled, or about to be; if not, it is to be posted. */
  serves(request: PendingRequest): boolean {
    if (!this.#isOn) return false;
    this.#noteWhetherCalm();
    const isFile = isWholeFile(request);
    if (!isFile && !isPlainRead(request)) return false;
    request.mayBeOvertaken = true;
    if (this.#calm < CALM && !this.#hasBusyCompany()) return false;
    if (this.#wouldOvertake() || request.signal?.aborted) return false;
    if (this.#bytes >= MOST_BYTES_PER_TURN) return false;
    if (this.#skips > 0) {
      this.#skips--;
      return false;
    }
    return isFile ? this.#readsFile(request) : this.#reads(request);
  }

  #noteWhetherCalm(): void {
    if (this.#slots.inFlight > 0 || this.#late.length > 0) this.#calm = 0;
    else if (this.#calm < CALM) this.#calm++;
  }

  #hasBusyCompany(): boolean {
    this.#company ??= new Company(this.#mailbox);
    return this.#company.isBusy();
  }

  /** Reads may overtake each other, but nothing else. */
  #wouldOvertake(): boolean {
    // What waits for a slot while the replies before it are settled hasn't got it yet.
    return !this.#line.isEmpty || this.#slots.unordered < this.#slots.inFlight;
  }

  #reads(request: PendingRequest): boolean {
    const { fd, view, length, positionLow, positionHigh } = request;
    const bytes = this.#native.readHot(fd, view!, length, positionLow, positionHigh);
    if (bytes < 0) return this.#missed(bytes);
    this.#done(request, bytes, CALL_BYTES + bytes);
    return true;
  }

  #readsFile(request: PendingRequest): boolean {
    this.#scratch ??= Buffer.allocUnsafeSlow(MOST_BYTES);
    const bytes = this.#native.readHotFile(request.path as string, this.#scratch); // isWholeFile
    if (bytes < 0) return this.#missed(bytes);
    const whole = Buffer.allocUnsafeSlow(bytes);
    this.#scratch.copy(whole, 0, 0, bytes);
    this.#done(request, whole, FILE_BYTES + bytes);
    return true;
  }

  /** It isn't cached; or more is wrong, and the engine finds out what, if anything. Returns that it isn't done. */
  #missed(errno: number): false {
    const most = errno === EAGAIN ? MOST_RARITY_UNCACHED : MOST_RARITY;
    if (this.#rarity < most) this.#rarity++;
    this.#skips = 2 ** this.#rarity; // then one asks: of reads that take turns, two files or more, each gets its chance
    return false;
  }

  /** @param cost in bytes that could be copied meanwhile */
  #done(request: PendingRequest, value: unknown, cost: number): void {
    this.#rarity = 0;
    this.#counters[ClientCounter.HOT_READS]!++;
    this.#bytes += cost;
    if (this.#bytes < BYTES_PER_TURN) this.#settle(request, value);
    else this.#settleInNextTurn(request, value);
  }

  #settleInNextTurn(request: PendingRequest, value: unknown): void {
    this.#late.push({ request, value });
    if (this.#late.length === 1) setImmediate(this.#onTurn);
  }

  #settleLate(): void {
    this.#bytes = 0;
    const late = this.#late;
    this.#late = []; // who is told of a reply may read again
    for (const { request, value } of late) this.#settle(request, value);
  }

  #settle(request: PendingRequest, value: unknown): void {
    request.resolve(value);
    this.#slots.recycle(request);
  }
}

/** A readFile that opens as usual. */
function isWholeFile({ opcode, flags, path }: PendingRequest): boolean {
  return opcode === operations.readFile.opcode && flags === O_RDONLY && typeof path === "string";
}

/** A read at a position that the call gives, and not of much. */
function isPlainRead({ opcode, flags, length, positionHigh, continues }: PendingRequest): boolean {
  return (
    opcode === operations.read.opcode &&
    flags === 0 &&
    length > 0 &&
    length <= MOST_BYTES &&
    positionHigh < POSITION_HIGH_LIMIT &&
    !continues
  );
}
