/**
 * Reads of cached data in the client's own thread: what the page cache has is there in the time that it takes to copy it, less than to
 * hand a request over. So a client that does one thing after the other asks the kernel first, which never waits for a device then
 * (native/src/hot_read.h), and the engine gets what isn't cached. A client that has many requests under way leaves all of it to the
 * engine, which works beside it.
 */
import type { NativeClient } from "@ringpost/native";
import { ClientCounter, CURRENT_POSITION, operations } from "@ringpost/protocol";
import type { PendingRequest } from "./pending-request.js";
import type { SlotTable } from "./slot-table.js";

/** So many requests in succession, each posted when those before it were settled, show that the client works that way. */
const CALM = 32;

/** A longer copy would hold up this thread for more than a hand-over costs: about 4 µs. */
const MOST_BYTES = 65_536;

/** What a read costs besides the copy, in bytes that could be copied meanwhile. */
const CALL_BYTES = 16_384;

/** After so much (0.1 ms, or 77 reads of 4 KiB) the event loop has its turn before the next reads settle. */
const BYTES_PER_TURN = 1_572_864;

/** Where nothing is cached, at least one read in 2^9 tries it all the same. */
const MOST_RARITY = 9;

export class HotReads {
  readonly #native: NativeClient;
  readonly #slots: SlotTable;
  readonly #counters: Float64Array;
  #isOn: boolean;
  /** Such requests in succession, up to {@link CALM}. */
  #calm = 0;
  #skips = 0;
  #rarity = 0;
  /** Since the event loop had its last turn on account of these reads. */
  #bytes = 0;
  /** Done, and to be settled in the event loop's next turn; and what it read. */
  #late: PendingRequest | undefined;
  #lateBytes = 0;

  readonly #onTurn = (): void => this.#settleLate();

  constructor(native: NativeClient, slots: SlotTable, counters: Float64Array, isOn: boolean) {
    this.#native = native;
    this.#slots = slots;
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
    if (!this.#isOn || !this.#isCalm()) return false;
    if (!isPlainRead(request) || request.signal?.aborted) return false;
    if (this.#skips > 0) {
      this.#skips--;
      return false;
    }
    return this.#reads(request);
  }

  /** Nothing is under way that the read could overtake, or would have to wait for, and hasn't been of late. */
  #isCalm(): boolean {
    // What waits for a slot while the replies before it are settled hasn't got it yet.
    const waiting = this.#counters[ClientCounter.WAITING]!;
    if (this.#slots.inFlight > 0 || waiting > 0 || this.#late !== undefined) this.#calm = 0;
    else if (this.#calm < CALM) this.#calm++;
    return this.#calm === CALM;
  }

  #reads(request: PendingRequest): boolean {
    const { fd, view, length, positionLow, positionHigh } = request;
    const bytes = this.#native.readHot(fd, view!, length, positionLow, positionHigh);
    if (bytes < 0) {
      // Not cached, or a mistake: the engine finds out, and says so.
      this.#skips = 2 ** this.#rarity - 1;
      if (this.#rarity < MOST_RARITY) this.#rarity++;
      return false;
    }
    this.#rarity >>= 1;
    this.#counters[ClientCounter.HOT_READS]!++;
    this.#bytes += CALL_BYTES + bytes;
    if (this.#bytes < BYTES_PER_TURN) this.#settle(request, bytes);
    else this.#settleInNextTurn(request, bytes);
    return true;
  }

  #settleInNextTurn(request: PendingRequest, bytes: number): void {
    this.#late = request;
    this.#lateBytes = bytes;
    setImmediate(this.#onTurn);
  }

  #settleLate(): void {
    const late = this.#late;
    if (late === undefined) return;
    this.#late = undefined;
    this.#bytes = 0;
    this.#settle(late, this.#lateBytes);
  }

  #settle(request: PendingRequest, bytes: number): void {
    request.resolve(bytes);
    this.#slots.recycle(request);
  }
}

/** A read at a position that the call gives, of memory that can be copied to at once. */
function isPlainRead({ opcode, flags, length, positionHigh, continues }: PendingRequest): boolean {
  return (
    opcode === operations.read.opcode &&
    flags === 0 &&
    length > 0 &&
    length <= MOST_BYTES &&
    positionHigh !== CURRENT_POSITION &&
    !continues
  );
}
