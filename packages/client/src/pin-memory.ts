/** Stage 1, client's thread: the engine may use the memory of a request from here to its reply, by number and never by address. */
import type { NativeClient } from "@ringpost/native";
import { Region } from "@ringpost/protocol";
import type { PendingRequest } from "./pending-request.js";

/** Returns which memory the request uses: {@link Region}. */
export function pinMemory(
  native: NativeClient,
  request: PendingRequest,
  slot: number,
  generation: number,
): number {
  if (request.view !== undefined) {
    const lease = request.leases[0];
    if (lease !== undefined) return Region.FIRST_SLAB + lease.slab;
    native.pin(slot, generation, request.view);
    return Region.OWN;
  }
  if (request.views !== undefined) {
    native.pinVectors(slot, generation, request.views);
    return Region.OWN;
  }
  return request.slab >= 0 ? Region.FIRST_SLAB + request.slab : Region.NONE;
}

/** Where in its region the request's memory begins, in bytes. */
export function offsetInRegion({ view, leases }: PendingRequest): number {
  const lease = leases[0];
  if (view === undefined || lease === undefined) return 0;
  return lease.offset + (view.byteOffset - lease.view.byteOffset);
}
