/** Stage 1 of a cancellation, client's thread: entries of the request ring that need no slot, and have no reply. */
import type { Mailbox, RingProducer } from "@ringpost/mailbox";
import { CancelScope } from "@ringpost/protocol";
import { encodeCancel } from "./encode-request.js";
import type { SlotTable } from "./slot-table.js";

interface CancelEntry {
  readonly scope: number;
  readonly slot: number;
  readonly generation: number;
  readonly fd: number;
}

export class CancelEntries {
  readonly #mailbox: Mailbox;
  readonly #requests: RingProducer;
  readonly #slots: SlotTable;
  #unpublished = 0;
  /** Those that the ring had no room for. */
  #late: CancelEntry[] = [];

  constructor(mailbox: Mailbox, requests: RingProducer, slots: SlotTable) {
    this.#mailbox = mailbox;
    this.#requests = requests;
    this.#slots = slots;
  }

  get hasLate(): boolean {
    return this.#late.length > 0;
  }

  get hasUnpublished(): boolean {
    return this.#unpublished > 0;
  }

  /** The request in this slot. */
  addRequest(slot: number): void {
    const generation = this.#slots.generation(slot);
    this.#add({ scope: CancelScope.REQUEST, slot, generation, fd: -1 });
  }

  addDescriptor(fd: number): void {
    this.#add({ scope: CancelScope.DESCRIPTOR, slot: 0, generation: 0, fd });
  }

  addAll(): void {
    this.#add({ scope: CancelScope.ALL, slot: 0, generation: 0, fd: -1 });
  }

  /** Tries again, as far as there is room now. */
  retryLate(): void {
    for (const entry of this.#late.splice(0)) this.#add(entry);
  }

  /** All entries leave with the batch that is about to be published. Returns how many. */
  takeUnpublished(): number {
    const count = this.#unpublished;
    this.#unpublished = 0;
    return count;
  }

  /** Requests come first: every free slot keeps its entry in the ring. */
  #add(entry: CancelEntry): void {
    if (this.#requests.room() <= this.#slots.freeCount) {
      this.#late.push(entry);
      return;
    }
    encodeCancel(
      this.#mailbox,
      this.#requests.reserve(),
      entry.scope,
      entry.slot,
      entry.generation,
      entry.fd,
    );
    this.#unpublished++;
  }
}
