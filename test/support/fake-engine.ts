/**
 * A client whose engine is the test itself: it sees the requests in the shared memory, and replies when and what it likes. So the
 * client's half of the protocol runs deterministically, without a ring, a thread, or a kernel.
 */
import { SubmitMode } from "@ringpost/client";
import { claimWake, Mailbox, RingConsumer, RingProducer } from "@ringpost/mailbox";
import type { NativeClient } from "@ringpost/native";
import {
  ClientCounter,
  EAGAIN,
  EngineCounter,
  geometry,
  layoutHash,
  PAGE_BYTES,
  ReplyWord,
  RequestWord,
  writeGeometry,
} from "@ringpost/protocol";
import { Client } from "../../packages/client/dist/client.js";
import { RingBackend } from "../../packages/client/dist/ring-backend.js";

export interface TakenRequest {
  readonly slot: number;
  readonly generation: number;
  readonly opcode: number;
  readonly fd: number;
}

export interface FakeEngineOptions {
  readonly credits: number;
  /** Fewer than those, for this client. */
  readonly clientCredits?: number;
  readonly queueLimit?: number;
  readonly initialIndex?: number;
  readonly hotReads?: boolean;
}

/** The client, and another one, which does nothing but count. */
const CLIENTS = 2;

export class FakeEngine {
  readonly client: Client;
  readonly backend: RingBackend;
  readonly mailbox: Mailbox;
  /** What the client asked of native code. */
  doorbells = 0;
  cancels = 0;
  isAlive = false;
  isClosed = false;
  /** What the page cache has of so many bytes. */
  readHot = (_bytes: number): number => EAGAIN;
  readonly #requests: RingConsumer;
  readonly #replies: RingProducer;

  constructor({
    credits,
    clientCredits = credits,
    queueLimit = 1000,
    initialIndex = 0,
    hotReads = false,
  }: FakeEngineOptions) {
    const at = geometry(CLIENTS, credits);
    const memory = new SharedArrayBuffer(at.totalBytes);
    writeGeometry(new Uint32Array(memory), at, layoutHash, initialIndex);
    new BigUint64Array(memory, 0, PAGE_BYTES / 8)[EngineCounter.CLIENTS_OPENED] = BigInt(CLIENTS);
    this.mailbox = new Mailbox(memory, 0);
    const { words, requests, replies } = this.mailbox;
    for (const place of [requests, replies]) {
      words[place.headWord] = initialIndex;
      words[place.tailWord] = initialIndex;
    }
    this.#requests = new RingConsumer(words, requests);
    this.#replies = new RingProducer(words, replies);
    this.backend = new RingBackend(
      this.#makeNative(),
      this.mailbox,
      queueLimit,
      SubmitMode.AUTO,
      clientCredits,
      0,
      hotReads,
    );
    this.client = new Client(this.backend);
  }

  #makeNative(): NativeClient {
    return {
      engine: 0,
      index: 0,
      pin: () => undefined,
      pinVectors: () => undefined,
      pinSlab: () => true,
      makePages: () => undefined,
      pageOffsetOf: () => 0,
      readHotFile: () => EAGAIN,
      readHot: (_fd, _view, bytes) => this.readHot(bytes),
      ringDoorbell: () => {
        this.doorbells++;
      },
      keepAlive: (alive) => {
        this.isAlive = alive;
      },
      cancelAll: () => {
        this.cancels++;
      },
      close: () => {
        this.isClosed = true;
      },
    };
  }

  /** The engine's parked word. */
  park(): void {
    this.mailbox.words[this.mailbox.engineParkedWord] = 1;
  }

  /** Takes all requests that are published. */
  take(): TakenRequest[] {
    const words = this.mailbox.words;
    const taken = Array.from({ length: this.#requests.available() }, () => {
      const at = this.#requests.take();
      return {
        slot: words[at + RequestWord.SLOT]!,
        generation: words[at + RequestWord.GENERATION]!,
        opcode: words[at + RequestWord.OPCODE]!,
        fd: words[at + RequestWord.FD]!,
      };
    });
    this.#requests.release();
    return taken;
  }

  /** Writes a reply; nobody sees it before {@link publish}. */
  reply({ slot, generation }: { slot: number; generation: number }, result = 0, note = 0): void {
    const words = this.mailbox.words;
    const at = this.#replies.reserve();
    words[at + ReplyWord.SLOT] = slot;
    words[at + ReplyWord.GENERATION] = generation;
    words[at + ReplyWord.RESULT] = result;
    words[at + ReplyWord.NOTE] = note;
  }

  /** Hands the replies over, and wakes the client if it sleeps, as the real engine does. Returns whether it slept. */
  publish(): boolean {
    this.#replies.publish();
    const { words, parkedWord } = this.mailbox;
    if (!claimWake(words, parkedWord)) return false;
    setImmediate(() => this.backend.wake(false));
    return true;
  }

  /** The other client has made so many requests. */
  countOfOther(requests: number): void {
    const { buffer } = this.mailbox.words;
    const { firstWord } = new Mailbox(buffer as SharedArrayBuffer, 1); // which a mailbox is made of
    new Float64Array(buffer, firstWord * 4)[ClientCounter.POSTED]! += requests;
  }

  /** One of the client's own counters. */
  count(counter: keyof typeof ClientCounter): number {
    const { words, firstWord } = this.mailbox;
    return new Float64Array(words.buffer, firstWord * 4)[ClientCounter[counter]]!;
  }
}

/** Until the client has done all that it does in this turn of the event loop. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
