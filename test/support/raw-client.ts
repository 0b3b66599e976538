/**
 * A client without any of the client's care: it writes what words it likes into its request ring, and looks at the replies. What the
 * engine does with garbage is seen through it.
 */
import { claimWake, Mailbox, RingConsumer, RingProducer } from "@ringpost/mailbox";
import { addon, type NativeClient } from "@ringpost/native";
import {
  CURRENT_POSITION,
  PAGE_BYTES,
  Payload,
  Region,
  ReplyWord,
  RequestWord,
} from "@ringpost/protocol";
import type { EngineHandle } from "ringpost";
import { SOON_MS } from "./deadline.js";
import { turn } from "./fake-engine.js";

export interface RawReply {
  readonly slot: number;
  readonly generation: number;
  readonly result: number;
  readonly note: number;
}

export type RequestFields = Partial<Record<keyof typeof RequestWord, number>>;

const REQUEST_WORDS = 16;
const EAGAIN = -11;

export class RawClient {
  readonly native: NativeClient;
  readonly mailbox: Mailbox;
  readonly requests: RingProducer;
  readonly replies: RingConsumer;
  /** Whether the engine has said that it serves this client no more. */
  isOrphaned = false;

  constructor(handle: EngineHandle) {
    const orphaned = (): void => {
      this.isOrphaned = true;
    };
    const { engine, credits, weight } = handle;
    const rings = [handle, ...handle.otherRings];
    const memories = rings.map(({ memory }) => new Uint8Array(memory));
    const native = addon.connect(engine, memories, orphaned, credits, weight);
    if (typeof native === "number") {
      throw Object.assign(new Error(`connect: ${native}`), {
        code: native === EAGAIN ? "EAGAIN" : "",
      });
    }
    this.native = native;
    const ring = rings.find((each) => each.engine === native.engine)!; // of those
    this.mailbox = new Mailbox(ring.memory, native.index);
    this.requests = new RingProducer(this.mailbox.words, this.mailbox.requests);
    this.replies = new RingConsumer(this.mailbox.words, this.mailbox.replies);
  }

  /** Writes one request, of 16 words. */
  putWords(given: ArrayLike<number>): void {
    const at = this.requests.reserve();
    for (let word = 0; word < REQUEST_WORDS; word++) {
      this.mailbox.words[at + word] = given[word] ?? 0;
    }
  }

  /** Writes one request by its fields; those not given are what an honest client puts there. */
  put(fields: RequestFields): void {
    const words = new Uint32Array(REQUEST_WORDS);
    const honest: RequestFields = {
      FD: -1,
      POSITION_LOW: CURRENT_POSITION,
      POSITION_HIGH: CURRENT_POSITION,
      REGION: Region.NONE,
    };
    for (const [name, value] of Object.entries({ ...honest, ...fields })) {
      words[RequestWord[name as keyof typeof RequestWord]] = value;
    }
    this.putWords(words);
  }

  /** Puts a path into the payload of a slot. Returns its bytes. */
  writePath(slot: number, path: string): number {
    return this.mailbox.payloads.write(path, slot * Payload.BYTES + Payload.PATH_OFFSET);
  }

  /** Page-aligned memory, fit for O_DIRECT. */
  alignedView(bytes: number): Uint8Array {
    const memory = new Uint8Array(new SharedArrayBuffer(bytes + PAGE_BYTES));
    const start = (PAGE_BYTES - (this.native.pageOffsetOf(memory) % PAGE_BYTES)) % PAGE_BYTES;
    return memory.subarray(start, start + bytes);
  }

  /** Hands over what was put, and wakes the engine. */
  publish(): void {
    this.requests.publish();
    this.wakeEngine();
  }

  wakeEngine(): void {
    if (claimWake(this.mailbox.words, this.mailbox.engineParkedWord)) this.native.ringDoorbell();
  }

  /** Waits for so many replies. Looks again and again instead of parking. */
  async takeReplies(count: number): Promise<RawReply[]> {
    const taken: RawReply[] = [];
    for (const deadline = Date.now() + SOON_MS; taken.length < count; ) {
      for (let left = this.replies.available(); left > 0; left--) taken.push(this.#takeReply());
      this.replies.release();
      if (taken.length >= count) break;
      if (Date.now() > deadline) throw new Error(`${taken.length} of ${count} replies came`);
      await turn();
    }
    return taken;
  }

  #takeReply(): RawReply {
    const at = this.replies.take();
    const word = (which: number): number => this.mailbox.words[at + which]!;
    return {
      slot: word(ReplyWord.SLOT),
      generation: word(ReplyWord.GENERATION),
      result: word(ReplyWord.RESULT),
      note: word(ReplyWord.NOTE),
    };
  }

  /** Puts one request, and waits for its reply. */
  async ask(fields: RequestFields): Promise<RawReply> {
    this.put(fields);
    this.publish();
    const [reply] = await this.takeReplies(1);
    return reply!;
  }
}
