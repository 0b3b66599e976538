import {
  ENTRIES_PER_SLOT,
  EngineWord,
  type Geometry,
  geometry,
  MailboxWord,
  Payload,
  REPLIES_PER_SLOT,
  REPLY_BYTES,
  REQUEST_BYTES,
} from "@ringpost/protocol";
import type { RingPlace } from "./mailbox-rings.js";

/** Reads back the geometry that the starting thread wrote into the engine page. */
export function readGeometry(buffer: SharedArrayBuffer): Geometry {
  const words = new Uint32Array(buffer);
  return geometry(words[EngineWord.MAX_CLIENTS] ?? 0, words[EngineWord.SLOT_COUNT] ?? 0);
}

/** One client's part of the shared memory: views made once, and where everything lies in them. */
export class Mailbox {
  readonly index: number;
  readonly slotCount: number;
  /** The whole buffer, as words. */
  readonly words: Int32Array;
  /** All payloads, slot after slot: `Payload.BYTES` each. */
  readonly payloads: Buffer;
  readonly payloadValues: DataView;
  readonly requests: RingPlace;
  readonly replies: RingPlace;
  /** The client's parked word. */
  readonly parkedWord: number;
  /** The engine's parked word, the same for all clients. */
  readonly engineParkedWord: number = EngineWord.PARKED;
  /** First word of the mailbox; {@link ClientCounter} and {@link ServiceCounter} count from here. */
  readonly firstWord: number;

  constructor(buffer: SharedArrayBuffer, index: number, at: Geometry = readGeometry(buffer)) {
    const start = at.mailboxesOffset + index * at.mailboxBytes;
    this.index = index;
    this.slotCount = at.slotCount;
    this.words = new Int32Array(buffer);
    this.payloads = Buffer.from(buffer, start + at.payloadsOffset, at.slotCount * Payload.BYTES);
    this.payloadValues = new DataView(
      buffer,
      start + at.payloadsOffset,
      at.slotCount * Payload.BYTES,
    );
    this.firstWord = start / 4;
    this.parkedWord = this.firstWord + MailboxWord.PARKED;
    this.requests = {
      tailWord: this.firstWord + MailboxWord.REQUEST_TAIL,
      headWord: this.firstWord + MailboxWord.REQUEST_HEAD,
      firstWord: (start + at.requestRingOffset) / 4,
      entryWords: REQUEST_BYTES / 4,
      capacity: at.slotCount * ENTRIES_PER_SLOT,
    };
    this.replies = {
      tailWord: this.firstWord + MailboxWord.REPLY_TAIL,
      headWord: this.firstWord + MailboxWord.REPLY_HEAD,
      firstWord: (start + at.replyRingOffset) / 4,
      entryWords: REPLY_BYTES / 4,
      capacity: at.slotCount * REPLIES_PER_SLOT,
    };
  }
}
