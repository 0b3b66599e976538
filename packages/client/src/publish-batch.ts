/**
 * Stage 2 of 9, client's thread: hands what has been posted to the engine, and wakes it if it sleeps. One store for the batch;
 * one system call at most, and none while the engine is awake.
 */
import { claimWake, type Mailbox, type RingProducer } from "@ringpost/mailbox";
import type { NativeClient } from "@ringpost/native";
import { batchBucket, ClientCounter } from "@ringpost/protocol";

export class BatchPublisher {
  readonly #requests: RingProducer;
  readonly #mailbox: Mailbox;
  readonly #native: NativeClient;
  readonly #counters: Float64Array;

  /** @param counters by {@link ClientCounter}, where it says why plain writes do */
  constructor(
    requests: RingProducer,
    mailbox: Mailbox,
    native: NativeClient,
    counters: Float64Array,
  ) {
    this.#requests = requests;
    this.#mailbox = mailbox;
    this.#native = native;
    this.#counters = counters;
  }

  /** @param cancels entries that ask for no reply */
  publish(posted: number, cancels: number): void {
    const entries = posted + cancels;
    if (entries === 0) return;
    const counters = this.#counters;
    counters[ClientCounter.POSTED]! += posted;
    counters[ClientCounter.BATCHES]! += 1;
    counters[ClientCounter.BATCH_SIZES + batchBucket(entries)]! += 1;
    this.#requests.publish();
    const { words, engineParkedWord } = this.#mailbox;
    if (!claimWake(words, engineParkedWord)) return;
    this.#native.ringDoorbell();
    counters[ClientCounter.DOORBELLS]! += 1;
  }
}
