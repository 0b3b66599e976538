import { readGeometry } from "@ringpost/mailbox";
import {
  BATCH_BUCKETS,
  ClientCounter,
  EngineCounter,
  LATENCY_BUCKETS,
  ServiceCounter,
} from "@ringpost/protocol";
import { type HistogramBucket, readHistogram, sumHistograms } from "./histogram.js";

/** What is counted of each client, and summed up for the engine. Counts of requests, where nothing else is said. */
export interface RequestStats {
  /** Handed over to the engine, in so many batches. Cancellations are not counted as requests. */
  readonly posted: number;
  readonly batches: number;
  /** Batches by their size: entries (requests, and cancellations) that one publish handed over. */
  readonly batchSizes: readonly HistogramBucket[];
  /** Taken by the engine; refused by it at once (EINVAL, EFAULT, or because it stops); answered. */
  readonly taken: number;
  readonly refused: number;
  readonly replied: number;
  /** With the engine now: taken and not answered. */
  readonly inFlight: number;
  /** Waiting in the client now, for a credit. */
  readonly waiting: number;
  /** Submissions to the kernel for requests, and their completions. A recipe has several; a refused request none. */
  readonly submitted: number;
  readonly completed: number;
  /**
   * Submissions that the engine sent to the kernel's worker threads from the start (IOSQE_ASYNC). The kernel moves others there
   * by itself, and tells nobody.
   */
  readonly punts: number;
  /** Replies that settled a promise, and replies dropped because their request was no longer waiting. */
  readonly settled: number;
  readonly lateReplies: number;
  /** Times the engine woke a client: it slept, and replies were there. */
  readonly notifies: number;
  /** Reads of cached data that the client made itself, without a request: counted nowhere else. See the option `hotReads`. */
  readonly hotReads: number;
  /** Replies by the ns from when the engine took the request to its reply. What a client waits besides is not in it. */
  readonly latencyNs: readonly HistogramBucket[];
}

/** Counts of one mailbox since the engine started, over all the clients that it has had. */
export interface ClientStats extends RequestStats {
  /** Which mailbox; with several rings those of the first one come first. */
  readonly client: number;
  /** Whether a client has it now. */
  readonly connected: boolean;
  /** Batches that had to wake the engine. */
  readonly doorbells: number;
  /** Times the client woke up. */
  readonly wakeups: number;
}

/**
 * Counts of an engine since its start, the sums of {@link RequestStats} over all clients among them. Read from shared memory: no
 * round trip, and slightly stale; counts of different writers are not of one moment. Plain data, for postMessage and JSON.
 */
export interface EngineStats extends RequestStats {
  /** Calls of io_uring_enter. */
  readonly enters: number;
  /** Those that submitted anything, by how many submissions: for requests, and the engine's own. */
  readonly enterSizes: readonly HistogramBucket[];
  /** Times the engine slept and woke up, and how many of those because nothing happened for half a second. */
  readonly wakeups: number;
  readonly idleWakeups: number;
  /** Times the doorbell woke it: several rings at once are one. */
  readonly doorbells: number;
  /** Of those submitted, transfers that were to be polled for. */
  readonly polled: number;
  /** Times a client woke up, over all clients. */
  readonly clientWakeups: number;
  /** Requests that a system call carried out, as io_uring lacks the operation or isn't fit for the file (FUSE). Not among those submitted. */
  readonly plainCalls: number;
  /** Slabs of leases that were registered; and those that the kernel refused (its memlock limit, or Linux before 5.19): plain memory. */
  readonly slabsRegistered: number;
  readonly slabsRefused: number;
  /** Cancellations that went to the kernel. */
  readonly cancels: number;
  /** Times the kernel held completions back for want of room. Stays 0: credits see to it. */
  readonly overflows: number;
  readonly clientsOpened: number;
  readonly clientsDrained: number;
  /** Mailboxes that are used, or have been. */
  readonly clients: readonly ClientStats[];
}

/** @param memories of all rings of the engine */
export function readStats(memories: readonly SharedArrayBuffer[]): EngineStats {
  const rings = memories.map(
    (memory) => new BigUint64Array(memory, 0, EngineCounter.ENTER_SIZES + BATCH_BUCKETS),
  );
  const count = (counter: number): number =>
    rings.reduce((sum, values) => sum + Number(values[counter]), 0);
  const clients = memories.flatMap(readClients);
  return {
    ...sumRequests(clients),
    enters: count(EngineCounter.ENTERS),
    enterSizes: readHistogram(count, EngineCounter.ENTER_SIZES, BATCH_BUCKETS),
    wakeups: count(EngineCounter.WAKEUPS),
    idleWakeups: count(EngineCounter.IDLE_WAKEUPS),
    doorbells: count(EngineCounter.DOORBELLS),
    notifies: count(EngineCounter.NOTIFIES),
    clientWakeups: sumOf(clients, ({ wakeups }) => wakeups),
    polled: count(EngineCounter.POLLED),
    plainCalls: count(EngineCounter.PLAIN_CALLS),
    slabsRegistered: count(EngineCounter.SLABS_REGISTERED),
    slabsRefused: count(EngineCounter.SLABS_REFUSED),
    cancels: count(EngineCounter.CANCELS),
    overflows: count(EngineCounter.OVERFLOWS),
    clientsOpened: count(EngineCounter.CLIENTS_OPENED),
    clientsDrained: count(EngineCounter.CLIENTS_DRAINED),
    clients,
  };
}

/** Those of one ring; mailboxes are numbered through over all of them. */
function readClients(memory: SharedArrayBuffer, ring: number): ClientStats[] {
  const { maxClients, mailboxesOffset, mailboxBytes } = readGeometry(memory);
  const clients: ClientStats[] = [];
  for (let client = 0; client < maxClients; client++) {
    const counters = new MailboxCounters(memory, mailboxesOffset + client * mailboxBytes);
    if (counters.isUsed()) clients.push(readClientStats(counters, ring * maxClients + client));
  }
  return clients;
}

/** The counters of one mailbox, each in its writer's form. Read plainly: at {@link ClientCounter} is why none tears. */
class MailboxCounters {
  readonly #byEngine: BigUint64Array;
  readonly #byClient: Float64Array;

  constructor(memory: SharedArrayBuffer, start: number) {
    this.#byEngine = new BigUint64Array(memory, start, ServiceCounter.LATENCIES + LATENCY_BUCKETS);
    this.#byClient = new Float64Array(memory, start, ClientCounter.BATCH_SIZES + BATCH_BUCKETS);
  }

  readonly service = (counter: number): number => Number(this.#byEngine[counter]);
  readonly own = (counter: number): number => this.#byClient[counter] ?? 0;

  isUsed(): boolean {
    return (
      this.service(ServiceCounter.CONNECTED) > 0 ||
      this.own(ClientCounter.POSTED) > 0 ||
      this.service(ServiceCounter.TAKEN) > 0
    );
  }
}

function readClientStats({ service, own }: MailboxCounters, client: number): ClientStats {
  const connected = service(ServiceCounter.CONNECTED) > 0;
  // Before `taken`, so that a request that is answered meanwhile isn't subtracted from those that were there before it.
  const replied = service(ServiceCounter.REPLIED);
  const taken = service(ServiceCounter.TAKEN);
  return {
    client,
    connected,
    posted: own(ClientCounter.POSTED),
    batches: own(ClientCounter.BATCHES),
    batchSizes: readHistogram(own, ClientCounter.BATCH_SIZES, BATCH_BUCKETS),
    doorbells: own(ClientCounter.DOORBELLS),
    taken,
    refused: service(ServiceCounter.REFUSED),
    replied,
    // A refusal is counted as a reply before its whole batch is as taken.
    inFlight: Math.max(0, taken - replied),
    // A thread that was terminated leaves its last word behind.
    waiting: connected ? own(ClientCounter.WAITING) : 0,
    submitted: service(ServiceCounter.SUBMITTED),
    completed: service(ServiceCounter.COMPLETED),
    punts: service(ServiceCounter.PUNTS),
    notifies: service(ServiceCounter.NOTIFIES),
    wakeups: own(ClientCounter.WAKEUPS),
    settled: own(ClientCounter.SETTLED),
    lateReplies: own(ClientCounter.LATE_REPLIES),
    hotReads: own(ClientCounter.HOT_READS),
    latencyNs: readHistogram(service, ServiceCounter.LATENCIES, LATENCY_BUCKETS),
  };
}

const sumOf = (clients: readonly ClientStats[], count: (client: ClientStats) => number): number =>
  clients.reduce((sum, client) => sum + count(client), 0);

function sumRequests(clients: readonly ClientStats[]): RequestStats {
  return {
    posted: sumOf(clients, ({ posted }) => posted),
    batches: sumOf(clients, ({ batches }) => batches),
    batchSizes: sumHistograms(
      clients.map(({ batchSizes }) => batchSizes),
      BATCH_BUCKETS,
    ),
    taken: sumOf(clients, ({ taken }) => taken),
    refused: sumOf(clients, ({ refused }) => refused),
    replied: sumOf(clients, ({ replied }) => replied),
    inFlight: sumOf(clients, ({ inFlight }) => inFlight),
    waiting: sumOf(clients, ({ waiting }) => waiting),
    submitted: sumOf(clients, ({ submitted }) => submitted),
    completed: sumOf(clients, ({ completed }) => completed),
    punts: sumOf(clients, ({ punts }) => punts),
    settled: sumOf(clients, ({ settled }) => settled),
    lateReplies: sumOf(clients, ({ lateReplies }) => lateReplies),
    notifies: sumOf(clients, ({ notifies }) => notifies),
    hotReads: sumOf(clients, ({ hotReads }) => hotReads),
    latencyNs: sumHistograms(
      clients.map(({ latencyNs }) => latencyNs),
      LATENCY_BUCKETS,
    ),
  };
}
