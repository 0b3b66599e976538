/**
 * Stage 1 of a cancellation, client's thread: it is an entry of the request ring that needs no slot, and has no reply. The entry that
 * asks for a stream's next events is another of this kind.
 */
import type { Mailbox, RingProducer } from "@ringpost/mailbox";
import { CancelScope, operations } from "@ringpost/protocol";
import { encodeSlotless } from "./encode-request.js";
import type { SlotTable } from "./slot-table.js";

interface SlotlessEntry {
  readonly opcode: number;
  readonly scope: number;
  readonly slot: number;
  readonly generation: number;
  readonly fd: number;
}

const { opcode } = operations.cancel;

export class CancelEntries {
  readonly #mailbox: Mailbox;
  readonly #requests: RingProducer;
  readonly #slots: SlotTable;
  readonly #unpublishedRequests: () => number;
  #unpublished = 0;
  /** Those that the ring had no room for. */
  #late: SlotlessEntry[] = [];
  /** Which requests they are to cancel: the generation by the slot. */
  readonly #lateRequests = new Map<number, number>();

  constructor(
    mailbox: Mailbox,
    requests: RingProducer,
    slots: SlotTable,
    unpublishedRequests: () => number,
  ) {
    this.#mailbox = mailbox;
    this.#requests = requests;
    this.#slots = slots;
    this.#unpublishedRequests = unpublishedRequests;
  }

  get hasLate(): boolean {
    return this.#late.length > 0;
  }

  /** Whether what is in the ring is to leave now: late ones wait for the engine to take it. */
  get areDue(): boolean {
    return this.#unpublished > 0 || this.hasLate;
  }

  /** The request in this slot. */
  addRequest(slot: number): void {
    this.#addOf(slot, opcode);
  }

  /** The stream in this slot is asked for its next events. */
  addEvents(slot: number): void {
    this.#addOf(slot, operations.nextEvents.opcode);
  }

  #addOf(slot: number, of: number): void {
    this.#add(this.#entryOf(slot, of));
  }

  #entryOf(slot: number, of: number): SlotlessEntry {
    const generation = this.#slots.generation(slot);
    return { opcode: of, scope: CancelScope.REQUEST, slot, generation, fd: -1 };
  }

  addDescriptor(fd: number): void {
    this.#add({ opcode, scope: CancelScope.DESCRIPTOR, slot: 0, generation: 0, fd });
  }

  /** A request that waits is to close the descriptor. */
  addClosing(fd: number): void {
    this.#add({ opcode, scope: CancelScope.CLOSING, slot: 0, generation: 0, fd });
  }

  addAll(): void {
    this.#add({ opcode, scope: CancelScope.ALL, slot: 0, generation: 0, fd: -1 });
  }

  /**
   * Tries again, as far as there is room now.
   * @param isToClose whether a close of the descriptor still waits: once it has left, the engine cancels for it, and the number may
   *   mean another file soon
   */
  retryLate(isToClose: (fd: number) => boolean): void {
    this.#lateRequests.clear();
    for (const entry of this.#late.splice(0)) {
      const { scope, slot, generation, fd } = entry;
      const isMeant =
        scope === CancelScope.CLOSING
          ? isToClose(fd)
          : scope !== CancelScope.REQUEST || this.#slots.waiting(slot, generation) !== undefined;
      if (isMeant) this.#add(entry);
    }
  }

  /** The client is closed: nobody will take them. */
  drop(): void {
    this.#late = [];
    this.#lateRequests.clear();
    this.#unpublished = 0;
  }

  /** All entries leave with the batch that is about to be published. Returns how many. */
  takeUnpublished(): number {
    const count = this.#unpublished;
    this.#unpublished = 0;
    return count;
  }

  /**
   * Requests come first: every slot keeps its entry in the ring, free or not, as it may be free before the engine takes this one. But
   * for those whose request is in the ring; of which the unpublished ones are certainly there.
   */
  #add(entry: SlotlessEntry): void {
    if (this.#requests.room() <= this.#slots.count - this.#unpublishedRequests()) {
      for (const meant of this.#meantBy(entry)) this.#addLate(meant);
      return;
    }
    encodeSlotless(
      this.#mailbox,
      this.#requests.reserve(),
      entry.opcode,
      entry.scope,
      entry.slot,
      entry.generation,
      entry.fd,
    );
    this.#unpublished++;
  }

  /** Once for each request, however often it is cancelled. */
  #addLate(entry: SlotlessEntry): void {
    const { scope, slot, generation } = entry;
    if (scope === CancelScope.REQUEST && entry.opcode === opcode) {
      if (this.#lateRequests.get(slot) === generation) return;
      this.#lateRequests.set(slot, generation);
    }
    this.#late.push(entry);
  }

  /** One that comes late mustn't reach what is posted meanwhile: it says which requests it means. */
  #meantBy(entry: SlotlessEntry): readonly SlotlessEntry[] {
    const { scope, fd } = entry;
    if (scope !== CancelScope.ALL && scope !== CancelScope.DESCRIPTOR) return [entry];
    return [...this.#slots.inSlots()]
      .filter((request) => scope === CancelScope.ALL || request.uses(fd))
      .map(({ slot }) => this.#entryOf(slot, opcode));
  }
}
