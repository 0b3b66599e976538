/** Stage 1 of 9, client's thread: a request becomes the sixteen words of an entry in the client's request ring. */
import type { Mailbox } from "@ringpost/mailbox";
import { OpcodeFlag, Payload, Region, RequestWord } from "@ringpost/protocol";
import { littleEndian } from "./byte-order.js";
import type { PendingRequest } from "./pending-request.js";

/**
 * @param at word at which the reserved entry begins
 * @param region which memory the request uses: {@link Region}
 */
export function encodeRequest(
  mailbox: Mailbox,
  at: number,
  request: PendingRequest,
  slot: number,
  generation: number,
  region: number,
  regionOffset: number,
): void {
  const words = mailbox.words;
  words[at + RequestWord.SLOT] = slot;
  words[at + RequestWord.GENERATION] = generation;
  const continues = request.continues ? OpcodeFlag.CONTINUES : 0;
  const opcode = request.opcode | request.chainFlags | continues;
  if (request.deadline !== undefined) {
    words[at + RequestWord.OPCODE] = opcode | OpcodeFlag.DEADLINE;
    const deadlineAt = slot * Payload.BYTES + Payload.DEADLINE_OFFSET;
    mailbox.payloadValues.setBigUint64(deadlineAt, request.deadline, littleEndian);
  } else {
    words[at + RequestWord.OPCODE] = opcode;
  }
  words[at + RequestWord.FD] = request.fd;
  words[at + RequestWord.POSITION_LOW] = request.positionLow;
  words[at + RequestWord.POSITION_HIGH] = request.positionHigh;
  words[at + RequestWord.REGION] = region;
  // A slab never changes: its own number serves as its generation.
  words[at + RequestWord.REGION_GENERATION] = region < Region.OWN ? region : generation;
  words[at + RequestWord.REGION_OFFSET] = regionOffset;
  words[at + RequestWord.LENGTH] = request.length;
  words[at + RequestWord.FLAGS] = request.flags;
  words[at + RequestWord.MODE] = request.mode;
  const { path } = request;
  const pathAt = slot * Payload.BYTES + Payload.PATH_OFFSET;
  words[at + RequestWord.PATH_BYTES] = path === undefined ? 0 : writePath(mailbox, pathAt, path);
  const second = request.secondPath ?? request.attribute;
  const secondAt = slot * Payload.BYTES + Payload.SECOND_PATH_OFFSET;
  words[at + RequestWord.SECOND_PATH_BYTES] =
    second === undefined ? 0 : writePath(mailbox, secondAt, second);
  words[at + RequestWord.SECOND_FD] = request.secondFd;
  if (request.secondFd >= 0) {
    const positionAt = slot * Payload.BYTES + Payload.SECOND_POSITION_OFFSET;
    mailbox.payloadValues.setBigInt64(positionAt, request.secondPosition, littleEndian);
  }
  words[at + RequestWord.LENGTH_HIGH] = request.lengthHigh;
}

/** An entry that has no slot and no reply: it cancels, or asks for events. Those of its words that its scope doesn't name mean nothing. */
export function encodeSlotless(
  mailbox: Mailbox,
  at: number,
  opcode: number,
  scope: number,
  slot: number,
  generation: number,
  fd: number,
): void {
  const words = mailbox.words;
  words[at + RequestWord.SLOT] = slot;
  words[at + RequestWord.GENERATION] = generation;
  words[at + RequestWord.OPCODE] = opcode;
  words[at + RequestWord.FD] = fd;
  words[at + RequestWord.FLAGS] = scope;
}

/** Puts a path into the slot's payload. The engine closes it with a NUL. Returns its bytes. */
function writePath(mailbox: Mailbox, start: number, path: string | Uint8Array): number {
  if (typeof path === "string") {
    return mailbox.payloads.write(path, start, Payload.PATH_CAPACITY, "utf8");
  }
  mailbox.payloads.set(path, start);
  return path.length;
}

/** Whether the path fits, its closing NUL included; the kernel would say ENAMETOOLONG of any other. */
export function pathFits(path: string | Uint8Array | undefined): boolean {
  if (path === undefined) return true;
  // A UTF-16 unit is at most three bytes of UTF-8: most paths need no count.
  if (typeof path === "string" && path.length * 3 < Payload.PATH_CAPACITY) return true;
  return Buffer.byteLength(path) < Payload.PATH_CAPACITY;
}
