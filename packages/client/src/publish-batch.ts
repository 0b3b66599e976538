/**
 * Stage 2 of 9, client's thread: hands all requests posted in this turn of the event loop to the engine at once, and wakes it
 * if it sleeps. One store for the batch; one system call at most, and none while the engine is awake.
 */
import { claimWake, type Mailbox, type RingProducer } from "@ringpost/mailbox";
import type { NativeClient } from "@ringpost/native";

/** Returns whether the doorbell had to be rung. */
export function publishBatch(
  requests: RingProducer,
  mailbox: Mailbox,
  native: NativeClient,
): boolean {
  requests.publish();
  if (!claimWake(mailbox.words, mailbox.engineParkedWord)) return false;
  native.ring();
  return true;
}
