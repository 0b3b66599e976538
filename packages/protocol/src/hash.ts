import { BATCH_BUCKETS, LATENCY_BUCKETS } from "./histogram.js";
import * as layout from "./layout.js";
import { operations } from "./operations.js";
import { ringOperations } from "./ring-operations.js";

/** Every constant of the layout by name, in the order of its declaration; what the hash and the header are made of. */
export const constants: Readonly<Record<string, number | Readonly<Record<string, number>>>> = {
  LAYOUT_VERSION: layout.LAYOUT_VERSION,
  LINE_BYTES: layout.LINE_BYTES,
  PAGE_BYTES: layout.PAGE_BYTES,
  HUGE_PAGE_BYTES: layout.HUGE_PAGE_BYTES,
  MAILBOX_HEADER_BYTES: layout.MAILBOX_HEADER_BYTES,
  REQUEST_BYTES: layout.REQUEST_BYTES,
  ENTRIES_PER_SLOT: layout.ENTRIES_PER_SLOT,
  REPLY_BYTES: layout.REPLY_BYTES,
  REPLIES_PER_SLOT: layout.REPLIES_PER_SLOT,
  MAX_CLIENTS: layout.MAX_CLIENTS,
  MAX_SLOT_COUNT: layout.MAX_SLOT_COUNT,
  CURRENT_POSITION: layout.CURRENT_POSITION,
  MAX_SLABS: layout.MAX_SLABS,
  MAX_VECTORS: layout.MAX_VECTORS,
  MAX_TRANSFER_BYTES: layout.MAX_TRANSFER_BYTES,
  OPCODE_MASK: layout.OPCODE_MASK,
  BATCH_BUCKETS,
  LATENCY_BUCKETS,
  EngineWord: layout.EngineWord,
  EngineCounter: layout.EngineCounter,
  WaitMode: layout.WaitMode,
  PlacementMode: layout.PlacementMode,
  MailboxWord: layout.MailboxWord,
  ClientCounter: layout.ClientCounter,
  ServiceCounter: layout.ServiceCounter,
  RequestWord: layout.RequestWord,
  OpcodeFlag: layout.OpcodeFlag,
  CancelScope: layout.CancelScope,
  ReplyWord: layout.ReplyWord,
  Region: layout.Region,
  Payload: layout.Payload,
  OpenFlag: layout.OpenFlag,
  MemoryAdvice: layout.MemoryAdvice,
  FutexResult: layout.FutexResult,
  ReplyNote: layout.ReplyNote,
  Stage: layout.Stage,
  RunResult: layout.RunResult,
  RingOperation: ringOperations,
  Opcode: Object.fromEntries(
    Object.entries(operations).map(([name, { opcode }]) => [name, opcode]),
  ),
};

/** 32-bit FNV-1a over UTF-16 code units. */
function fnv1a(text: string): number {
  let hash = 0x811c_9dc5;
  for (let at = 0; at < text.length; at++) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x0100_0193);
  }
  return hash >>> 0;
}

/** Identifies the layout: two builds that disagree on any constant have different hashes. */
export const layoutHash: number = fnv1a(JSON.stringify(constants));
