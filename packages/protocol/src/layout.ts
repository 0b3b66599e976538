/**
 * The shared memory of one engine, word by word. Written once here; `native/generated/protocol.h` is
 * generated from it, and both languages compare {@link layoutHash} before they touch a byte.
 *
 * ```
 *  one SharedArrayBuffer per ring
 *  ┌────────────┬───────────┬───────────┬─────┐
 *  │ engine page│ mailbox 0 │ mailbox 1 │  …  │   as many mailboxes as the engine has room for clients
 *  └────────────┴───────────┴───────────┴─────┘
 *  a mailbox
 *  ┌──────────────┬──────────────────────┬─────────────────────┬──────────────────────────┐
 *  │ header lines │ request ring         │ reply ring          │ payloads                 │
 *  │ one writer   │ slotCount × 128 bytes│ slotCount × 32 bytes│ slotCount × 8448 bytes   │
 *  │ per line     │ client → engine      │ engine → client     │ result, then two paths   │
 *  └──────────────┴──────────────────────┴─────────────────────┴──────────────────────────┘
 * ```
 *
 * All words are 32 bits wide, in the machine's own byte order, unless a name says otherwise. Indexes of the rings
 * are free-running and masked where they are used; the number of slots is a power of two.
 */

/** Raised by hand when the meaning of a word changes while its place does not. */
export const LAYOUT_VERSION = 1;

/** Words of different writers lie this many bytes apart, so that no two writers share a cache line. */
export const LINE_BYTES = 64;

/** Alignment of every mailbox, in bytes. */
export const PAGE_BYTES = 4096;

/** What a transparent huge page is where pages have 4096 bytes (x86-64, most of arm64). */
export const HUGE_PAGE_BYTES = 2_097_152;

/** Words of the engine page, as u32 indexes from the start of the buffer. */
export const EngineWord = {
  // Line 0: written by the thread that starts the engine, before any other thread knows the buffer.
  LAYOUT_HASH: 0,
  MAX_CLIENTS: 1,
  SLOT_COUNT: 2,
  MAILBOXES_OFFSET: 3,
  MAILBOX_BYTES: 4,
  REQUEST_RING_OFFSET: 5,
  REPLY_RING_OFFSET: 6,
  PAYLOADS_OFFSET: 7,
  INITIAL_INDEX: 8,
  // Line 1: the engine's parked word: the engine sets it, whoever rings the doorbell clears it.
  PARKED: 16,
  // How clients wait now, a WaitMode: the engine alone writes it, hardly ever; a client that has posted and begins to wait reads both.
  WAIT_MODE: 17,
} as const;

/** What who waits for the other side does before it sleeps: the engine for requests and completions, a client for replies. */
export const WaitMode = {
  /** It sleeps at once. */
  NOTIFY: 0,
  /** It looks again and again for as long as something is due. */
  POLL: 1,
  /** It looks where looking has paid of late. */
  AUTO: 2,
} as const;

/** On which CPU the engine's thread runs: `native/src/placement.h`. */
export const PlacementMode = { AUTO: 0, FLOAT: 1, COLOCATE: 2, SPREAD: 3, LIST: 4 } as const;

/** Most mailboxes of one engine. Each round of the engine looks at all that are connected. */
export const MAX_CLIENTS = 512;

/** Most requests that one client can have with the engine at a time. */
export const MAX_SLOT_COUNT = 4096;

/** Counters of the whole engine: u64 indexes from the start of the buffer; the engine thread alone writes them. */
export const EngineCounter = {
  ENTERS: 16,
  WAKEUPS: 17,
  IDLE_WAKEUPS: 18,
  DOORBELLS: 19,
  NOTIFIES: 20,
  CANCELS: 21,
  OVERFLOWS: 22,
  CLIENTS_OPENED: 23,
  CLIENTS_DRAINED: 24,
  PLAIN_CALLS: 25,
  POLLED: 26,
  SLABS_REGISTERED: 27,
  SLABS_REFUSED: 28,
  /** The first of {@link BATCH_BUCKETS}: by submissions, the enters that submitted any. */
  ENTER_SIZES: 32,
} as const;

/** Words of a mailbox's header, as u32 indexes from the start of the mailbox. */
export const MailboxWord = {
  // Line 0: written by the client alone.
  REQUEST_TAIL: 0,
  REPLY_HEAD: 1,
  // Line 1: written by the engine alone.
  REQUEST_HEAD: 16,
  REPLY_TAIL: 17,
  // Line 2: the client's parked word: the client sets it, the engine clears it.
  PARKED: 32,
} as const;

/**
 * Counters kept by the client, as u64 indexes from the start of the mailbox (doubles: JavaScript writes them).
 *
 * These and the engine's are 64 bits, and JavaScript reads and writes them plainly. The language lets such an access tear; V8 makes
 * one move of it where words have 64 bits, and ringpost is for no other machines. A reader may see them late.
 */
export const ClientCounter = {
  POSTED: 24,
  SETTLED: 25,
  BATCHES: 26,
  DOORBELLS: 27,
  WAKEUPS: 28,
  LATE_REPLIES: 29,
  /** No count but a level: requests that wait in the client for a slot. */
  WAITING: 30,
  /** Reads that needed no request: the client has made them itself. */
  HOT_READS: 31,
  /** The first of {@link BATCH_BUCKETS}: by entries, the batches. */
  BATCH_SIZES: 32,
} as const;

/** Counters kept by the engine for one client, as u64 indexes from the start of the mailbox. */
export const ServiceCounter = {
  TAKEN: 48,
  REPLIED: 49,
  REFUSED: 50,
  NOTIFIES: 51,
  SUBMITTED: 52,
  COMPLETED: 53,
  PUNTS: 54,
  /** No count: 1 while a client has the mailbox, 0 otherwise. */
  CONNECTED: 55,
  /** The first of {@link LATENCY_BUCKETS}: by ns from taken to replied, the replies. */
  LATENCIES: 56,
} as const;

export const MAILBOX_HEADER_BYTES = 768;

/** Size of one request, in bytes: one cache line. */
export const REQUEST_BYTES = 64;

/** Entries of the request ring for each slot: a request, and its cancellation, which needs no slot of its own. */
export const ENTRIES_PER_SLOT = 2;

/** Words of a request. */
export const RequestWord = {
  SLOT: 0,
  GENERATION: 1,
  OPCODE: 2,
  FD: 3,
  /** Low and high half of the file position; both {@link CURRENT_POSITION} for the file's own offset. */
  POSITION_LOW: 4,
  POSITION_HIGH: 5,
  /** {@link Region.NONE}, {@link Region.OWN}, or {@link Region.FIRST_SLAB} + slab index. */
  REGION: 6,
  /** The request's generation for its own region; the slab's for a slab. */
  REGION_GENERATION: 7,
  REGION_OFFSET: 8,
  /** Bytes to move; for readv and writev the number of buffers. */
  LENGTH: 9,
  /** Flags of the operation: of an open, {@link OpenFlag} among them; AT_* of a statx; RWF_* of a transfer. */
  FLAGS: 10,
  /** File mode of open; the mask of statx. */
  MODE: 11,
  /** Bytes of the path in the slot's payload, without its closing NUL; 0 where there is none. */
  PATH_BYTES: 12,
  /** The same of the second path: the destination of a rename; or of the name of an extended attribute. */
  SECOND_PATH_BYTES: 13,
  /** Second descriptor: where splice and tee write to. */
  SECOND_FD: 14,
  /** Upper half of a length that doesn't fit into LENGTH: fallocate, fadvise. */
  LENGTH_HIGH: 15,
} as const;

/** Bits beside the opcode in {@link RequestWord.OPCODE}. */
export const OpcodeFlag = {
  /** The payload has a {@link Payload.DEADLINE_OFFSET}. */
  DEADLINE: 0x1_0000,
  /** A step of a chain, and the next entry is the next step: it runs if this one did all it was to do. */
  LINK: 0x2_0000,
  /** The same, and the next step runs whatever becomes of this one. */
  HARD_LINK: 0x4_0000,
  /** Of a chain's first step: it runs when all that this client has posted before is done, and what comes behind waits for it. */
  DRAIN: 0x8_0000,
  /** FD is the number of the step that has opened the file. */
  FD_OF_STEP: 0x10_0000,
  /** SECOND_FD is. */
  SECOND_FD_OF_STEP: 0x20_0000,
  /** The first step of a chain, be it the only one. */
  CHAIN: 0x40_0000,
  /** It goes on with what an earlier request has begun: an engine that stops takes it all the same. */
  CONTINUES: 0x80_0000,
} as const;

/** The number of an operation alone, without its flags. */
export const OPCODE_MASK = 0xffff;

/** What a cancel entry cancels, in its {@link RequestWord.FLAGS}. It has no reply: what it cancels has. */
export const CancelScope = {
  /** The request of SLOT and GENERATION. */
  REQUEST: 0,
  /** What this client has in flight on FD. */
  DESCRIPTOR: 1,
  /** All that this client has in flight. */
  ALL: 2,
  /** What waits on FD, which a request that has no slot yet is to close: as the close would. */
  CLOSING: 3,
} as const;

/** Size of one reply, in bytes: four to a cache line. */
export const REPLY_BYTES = 16;

/** Entries of the reply ring for each slot: the reply, and before it the unread events of a stream. */
export const REPLIES_PER_SLOT = 2;

/** Words of a reply. */
export const ReplyWord = {
  SLOT: 0,
  GENERATION: 1,
  /** What the kernel said: a count, a descriptor, or a negative errno. */
  RESULT: 2,
  /** {@link ReplyNote} bits in the upper half, {@link Stage} in the lower. */
  NOTE: 3,
} as const;

/** Half of the position that stands for "the file's current offset"; the kernel's own -1. */
export const CURRENT_POSITION = 0xffff_ffff;

/** Which memory a request's buffer lies in. */
export const Region = {
  NONE: 0xffff_ffff,
  /** The memory that the client pinned for this very request; spent by its reply. */
  OWN: 0xffff_fffe,
  /** Slab i of this client is region FIRST_SLAB + i. */
  FIRST_SLAB: 0,
} as const;

/** Slabs one client may have registered at a time. */
export const MAX_SLABS = 64;

/** Most buffers in one readv or writev: the kernel's UIO_MAXIOV (include/uapi/linux/uio.h). */
export const MAX_VECTORS = 1024;

/** Most bytes one read or write moves: the kernel's MAX_RW_COUNT, INT_MAX rounded down to a page. */
export const MAX_TRANSFER_BYTES = 0x7fff_f000;

/** Parts of a slot's payload, in bytes from its start. */
export const Payload = {
  /**
   * `struct statx`, written by the kernel; the first word is the kept descriptor of a readFile that needs room, the first two are
   * those of a pipe: to read from, and to write to. Or the `siginfo_t` of a waitid.
   */
  RESULT_OFFSET: 0,
  RESULT_BYTES: 256,
  PATH_OFFSET: 256,
  /** The kernel's PATH_MAX: the closing NUL counts. */
  PATH_CAPACITY: 4096,
  SECOND_PATH_OFFSET: 4352,
  /** A second file position, 64 bits: where splice writes to. Lies in the unused end of the result. */
  SECOND_POSITION_OFFSET: 248,
  /** When the request is to be over, 64 bits: ns of CLOCK_MONOTONIC. Read when the request is taken, before any result. */
  DEADLINE_OFFSET: 240,
  BYTES: 8448,
} as const;

/** Flags of our own beside the open flags in {@link RequestWord.FLAGS}: bits that no open flag of Linux has. */
export const OpenFlag = {
  /** writeFile: fsync before the close. */
  FLUSH: 0x4000_0000,
  /** open: the descriptor stays the engine's until it is closed by a request; closed with its client otherwise. */
  KEPT: 0x2000_0000,
} as const;

/**
 * MADV_* of include/uapi/asm-generic/mman-common.h, as far as it is safe for memory of the process's heap, whoever gives it: not
 * what takes pages away from children, poisons them, or punches holes into files.
 */
export const MemoryAdvice = {
  NORMAL: 0,
  RANDOM: 1,
  SEQUENTIAL: 2,
  WILLNEED: 3,
  DONTNEED: 4,
  FREE: 8,
  MERGEABLE: 12,
  UNMERGEABLE: 13,
  HUGEPAGE: 14,
  NOHUGEPAGE: 15,
  COLD: 20,
  PAGEOUT: 21,
  POPULATE_READ: 22,
  POPULATE_WRITE: 23,
  COLLAPSE: 25,
} as const;

/** What a futexWait comes to. */
export const FutexResult = {
  WOKEN: 0,
  /** The word held something else. */
  NOT_EQUAL: 1,
} as const;

/** Bits of a reply's note. */
export const ReplyNote = {
  /** The whole-file read reached the end of the file, and closed it. */
  END_OF_FILE: 0x1_0000,
  /**
   * The buffer of the whole-file read is full; the file stays open: its descriptor, which stays the engine's, is the first
   * word of the payload.
   */
  KEEPS_FD: 0x2_0000,
  /** EOPNOTSUPP of a transfer that was to be polled: its device, or file system, has nothing to poll. */
  NOT_POLLED: 0x4_0000,
  /** EACCES of an operation that isn't in the engine's allow-list. */
  NOT_ALLOWED: 0x8_0000,
  /** Events of a stream, and not its last word. The next ones come when the client asks for them. */
  MORE: 0x10_0000,
  /** ESHUTDOWN of an engine that stops, which hasn't taken the request. */
  STOPPING: 0x20_0000,
} as const;

/** Which step of a recipe a reply speaks of: the error's `syscall`. */
export const Stage = {
  WHOLE: 0,
  OPEN: 1,
  MOVE: 2,
  FLUSH: 3,
  CLOSE: 4,
} as const;

/** What an engine's `run` returns where it is not to be called again. */
export const RunResult = {
  STOPPED: -1,
} as const;

/** The offsets that depend on the number of slots. Computed here alone; C++ reads them from the engine page. */
export interface Geometry {
  readonly maxClients: number;
  readonly slotCount: number;
  /** Offsets in bytes from the start of a mailbox. */
  readonly requestRingOffset: number;
  readonly replyRingOffset: number;
  readonly payloadsOffset: number;
  readonly mailboxBytes: number;
  /** Offset in bytes of the first mailbox from the start of the buffer. */
  readonly mailboxesOffset: number;
  readonly totalBytes: number;
}

const roundUp = (value: number, unit: number): number => Math.ceil(value / unit) * unit;

/**
 * Lays out the shared memory of an engine.
 * @param maxClients mailboxes to make room for
 * @param slotCount requests one client may have with the engine at a time; a power of two
 */
export function geometry(maxClients: number, slotCount: number): Geometry {
  const requestRingOffset = MAILBOX_HEADER_BYTES;
  const replyRingOffset = requestRingOffset + slotCount * ENTRIES_PER_SLOT * REQUEST_BYTES;
  const payloadsOffset =
    replyRingOffset + roundUp(slotCount * REPLIES_PER_SLOT * REPLY_BYTES, LINE_BYTES);
  const mailboxBytes = roundUp(payloadsOffset + slotCount * Payload.BYTES, PAGE_BYTES);
  return {
    maxClients,
    slotCount,
    requestRingOffset,
    replyRingOffset,
    payloadsOffset,
    mailboxBytes,
    mailboxesOffset: PAGE_BYTES,
    totalBytes: PAGE_BYTES + maxClients * mailboxBytes,
  };
}

/** Writes a geometry into the engine page of a fresh buffer, before any other thread knows it. */
export function writeGeometry(
  words: Uint32Array,
  made: Geometry,
  layoutHash: number,
  initialIndex: number,
): void {
  words[EngineWord.LAYOUT_HASH] = layoutHash;
  words[EngineWord.MAX_CLIENTS] = made.maxClients;
  words[EngineWord.SLOT_COUNT] = made.slotCount;
  words[EngineWord.MAILBOXES_OFFSET] = made.mailboxesOffset;
  words[EngineWord.MAILBOX_BYTES] = made.mailboxBytes;
  words[EngineWord.REQUEST_RING_OFFSET] = made.requestRingOffset;
  words[EngineWord.REPLY_RING_OFFSET] = made.replyRingOffset;
  words[EngineWord.PAYLOADS_OFFSET] = made.payloadsOffset;
  words[EngineWord.INITIAL_INDEX] = initialIndex;
}
