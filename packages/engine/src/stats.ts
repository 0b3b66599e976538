import { readGeometry } from "@ringpost/mailbox";
import { ClientCounter, EngineCounter, ServiceCounter } from "@ringpost/protocol";

/** Counts of one mailbox since the engine started, over all the clients that it has had. */
export interface ClientStats {
  /** Which mailbox. */
  readonly client: number;
  /** Requests handed over, in `batches` batches, of which `doorbells` had to wake the engine. */
  readonly posted: number;
  readonly batches: number;
  readonly doorbells: number;
  /** Requests that the engine took, refused at once (EINVAL, EFAULT), and answered. */
  readonly taken: number;
  readonly refused: number;
  readonly replied: number;
  /** Times the engine woke the client, and the client woke up. */
  readonly notifies: number;
  readonly wakeups: number;
  /** Replies that settled a promise, and replies dropped because their request was no longer waiting. */
  readonly settled: number;
  readonly lateReplies: number;
}

/** Counts of an engine since its start. Read from shared memory: no round trip, and slightly stale. */
export interface EngineStats {
  /** Calls of io_uring_enter. */
  readonly enters: number;
  /** Times the engine slept and woke up, and how many of those because nothing happened for half a second. */
  readonly wakeups: number;
  readonly idleWakeups: number;
  /** Times a client woke it. */
  readonly doorbells: number;
  /** Times it woke a client. */
  readonly notifies: number;
  readonly submitted: number;
  readonly completed: number;
  /** Requests that a system call carried out, as the kernel's io_uring lacks the operation. Not among those submitted. */
  readonly plainCalls: number;
  readonly cancels: number;
  /** Times the kernel held completions back for want of room. Stays 0: credits see to it. */
  readonly overflows: number;
  readonly clientsOpened: number;
  readonly clientsDrained: number;
  /** Mailboxes that have been used. */
  readonly clients: readonly ClientStats[];
}

export function readStats(memory: SharedArrayBuffer): EngineStats {
  const values = new BigUint64Array(memory);
  const count = (counter: number): number => Number(values[counter]);
  const { maxClients, mailboxesOffset, mailboxBytes } = readGeometry(memory);
  const clients: ClientStats[] = [];
  for (let client = 0; client < maxClients; client++) {
    const stats = readClientStats(memory, client, mailboxesOffset + client * mailboxBytes);
    if (stats.posted > 0 || stats.taken > 0) clients.push(stats);
  }
  return {
    enters: count(EngineCounter.ENTERS),
    wakeups: count(EngineCounter.WAKEUPS),
    idleWakeups: count(EngineCounter.IDLE_WAKEUPS),
    doorbells: count(EngineCounter.DOORBELLS),
    notifies: count(EngineCounter.NOTIFIES),
    submitted: count(EngineCounter.SUBMITTED),
    completed: count(EngineCounter.COMPLETED),
    plainCalls: count(EngineCounter.PLAIN_CALLS),
    cancels: count(EngineCounter.CANCELS),
    overflows: count(EngineCounter.OVERFLOWS),
    clientsOpened: count(EngineCounter.CLIENTS_OPENED),
    clientsDrained: count(EngineCounter.CLIENTS_DRAINED),
    clients,
  };
}

function readClientStats(memory: SharedArrayBuffer, client: number, start: number): ClientStats {
  const byEngine = new BigUint64Array(memory, start);
  const byClient = new Float64Array(memory, start);
  const engineCount = (counter: number): number => Number(byEngine[counter]);
  const clientCount = (counter: number): number => byClient[counter] ?? 0;
  return {
    client,
    posted: clientCount(ClientCounter.POSTED),
    batches: clientCount(ClientCounter.BATCHES),
    doorbells: clientCount(ClientCounter.DOORBELLS),
    taken: engineCount(ServiceCounter.TAKEN),
    refused: engineCount(ServiceCounter.REFUSED),
    replied: engineCount(ServiceCounter.REPLIED),
    notifies: engineCount(ServiceCounter.NOTIFIES),
    wakeups: clientCount(ClientCounter.WAKEUPS),
    settled: clientCount(ClientCounter.SETTLED),
    lateReplies: clientCount(ClientCounter.LATE_REPLIES),
  };
}
