import type { NativeClient, View } from "@ringpost/native";
import {
  HUGE_PAGE_BYTES,
  MAX_SLABS,
  MAX_TRANSFER_BYTES,
  operations,
  PAGE_BYTES,
} from "@ringpost/protocol";
import { checkInteger } from "./arguments.js";
import type { Backend } from "./backend.js";
import { nothing } from "./pending-request.js";

/**
 * The loan of a page-aligned buffer that is registered with the ring: fit for O_DIRECT, and spared the mapping of its pages
 * on every request. What memory it takes, and when it is plain: `client.lease`.
 */
export interface Lease extends Disposable {
  /** As many bytes as were asked for, on a SharedArrayBuffer: it can be posted to another thread without a copy. */
  readonly buffer: Buffer;
  /** Gives the memory back; it is lent again once no request uses it. The buffer must not be used after. */
  [Symbol.dispose](): void;
}

/**
 * Bytes of a slab, unless one lease needs more: a huge page (pinSlab asks for it), so that a transfer of many pages is one piece of
 * memory to the device.
 */
const SLAB_BYTES = HUGE_PAGE_BYTES;

/** The kernel registers no more in one piece (SZ_1G in io_sqe_buffer_register of io_uring/rsrc.c). */
const MOST_SLAB_BYTES = 2 ** 30;

interface Slab {
  readonly index: number;
  /** Where the first page begins in the slab's buffer, in bytes. */
  readonly start: number;
  readonly leaseBytes: number;
  readonly leases: LeasedPages[];
}

/** One piece of a slab, lent or not. */
export class LeasedPages {
  readonly view: Buffer;
  readonly slab: number;
  /** Where it begins, in bytes from the slab's first page. */
  readonly offset: number;
  /** Requests that have been posted with it: it isn't lent again before they are settled. */
  users = 0;
  lent = false;
  /** In the list of free ones. Not with {@link lent}; with {@link users} only where a buffer is used that was given back. */
  free = true;

  constructor(view: Buffer, slab: number, offset: number) {
    this.view = view;
    this.slab = slab;
    this.offset = offset;
  }
}

/** What of a request leases are about. */
interface User {
  readonly view: View | undefined;
  readonly views: readonly View[] | undefined;
  readonly leases: LeasedPages[];
}

/** A client's slabs: memory cut into leases of one size each, sizes being powers of two of pages. */
export class Slabs {
  readonly #native: NativeClient;
  readonly #register: (slab: number, bytes: number) => void;
  readonly #slabs = new Map<ArrayBufferLike, Slab>();
  readonly #free = new Map<number, LeasedPages[]>();

  /** @param register posts the request that registers a slab with the ring, ahead of all that may use it */
  constructor(native: NativeClient, register: (slab: number, bytes: number) => void) {
    this.#native = native;
    this.#register = register;
  }

  lend(bytes: number): Lease {
    checkInteger(bytes, "bytes", 1, MAX_TRANSFER_BYTES);
    const leaseBytes = Math.max(PAGE_BYTES, 2 ** Math.ceil(Math.log2(bytes)));
    const pages =
      this.#takeFree(leaseBytes) ?? this.#addSlab(leaseBytes) ?? this.#unregistered(leaseBytes);
    pages.lent = true;
    pages.free = false;
    let givenBack = false; // of this loan: the pages may be somebody else's by the second time
    return {
      buffer: pages.view.subarray(0, bytes),
      [Symbol.dispose]: () => {
        if (givenBack) return;
        givenBack = true;
        pages.lent = false;
        this.#reclaim(pages);
      },
    };
  }

  /** The leases that a request's views lie in, if any, are in use until {@link release}. */
  use(request: User): void {
    if (this.#slabs.size === 0) return;
    if (request.view !== undefined) this.#useView(request.view, request.leases);
    if (request.views !== undefined) {
      for (const view of request.views) this.#useView(view, request.leases);
    }
  }

  #useView(view: View, leases: LeasedPages[]): void {
    // Of no bytes, a view at the end of one lease would look like one at the beginning of the next.
    if (view.byteLength === 0) return;
    const slab = this.#slabs.get(view.buffer);
    if (slab === undefined) return;
    const begin = view.byteOffset - slab.start;
    const first = Math.floor(begin / slab.leaseBytes);
    const last = Math.floor((begin + view.byteLength - 1) / slab.leaseBytes);
    if (first < 0 || last >= slab.leases.length) return; // partly beside the slab's pages
    for (let nth = first; nth <= last; nth++) {
      const lease = slab.leases[nth]!;
      lease.users++;
      leases.push(lease);
    }
  }

  release(leases: LeasedPages[]): void {
    for (const lease of leases) {
      lease.users--;
      this.#reclaim(lease);
    }
    leases.length = 0;
  }

  #reclaim(lease: LeasedPages): void {
    if (lease.lent || lease.free || lease.users > 0 || lease.slab < 0) return;
    lease.free = true;
    this.#freeOf(lease.view.length).push(lease);
  }

  #freeOf(leaseBytes: number): LeasedPages[] {
    const free = this.#free.get(leaseBytes) ?? [];
    this.#free.set(leaseBytes, free);
    return free;
  }

  #takeFree(leaseBytes: number): LeasedPages | undefined {
    return this.#freeOf(leaseBytes).pop();
  }

  /** Makes a slab for leases of this size. Returns one of them, or undefined where there can't be one more, or none so large. */
  #addSlab(leaseBytes: number): LeasedPages | undefined {
    const index = this.#slabs.size;
    if (index === MAX_SLABS || leaseBytes > MOST_SLAB_BYTES) return undefined;
    const bytes = Math.max(SLAB_BYTES, leaseBytes);
    const pages = this.#aligned(bytes, HUGE_PAGE_BYTES);
    if (!this.#native.pinSlab(index, index, pages)) return undefined;
    const slab: Slab = { index, start: pages.byteOffset, leaseBytes, leases: [] };
    for (let offset = 0; offset < bytes; offset += leaseBytes) {
      slab.leases.push(new LeasedPages(pages.subarray(offset, offset + leaseBytes), index, offset));
    }
    this.#slabs.set(pages.buffer, slab);
    this.#register(index, bytes);
    this.#freeOf(leaseBytes).push(...slab.leases.slice(1).reverse());
    return slab.leases[0];
  }

  /** Page-aligned all the same, but of no slab, and never lent again. */
  #unregistered(leaseBytes: number): LeasedPages {
    return new LeasedPages(this.#aligned(leaseBytes, PAGE_BYTES), -1, 0);
  }

  /** @param alignment {@link PAGE_BYTES} or {@link HUGE_PAGE_BYTES}; what lies beside isn't used, and takes no memory unless the allocator had to clear it */
  #aligned(bytes: number, alignment: number): Buffer {
    // The allocator puts its own header before large buffers, so their first byte lies anywhere in a page.
    const memory = new SharedArrayBuffer(bytes + alignment);
    const behind = this.#native.pageOffsetOf(new Uint8Array(memory)) % alignment;
    return Buffer.from(memory, (alignment - behind) % alignment, bytes);
  }
}

/** Tells the engine of a slab: requests in registered memory spare the kernel the mapping of pages. */
export function registerSlab(
  backend: Backend,
  native: NativeClient,
  slab: number,
  bytes: number,
): void {
  native.makePages(slab);
  const request = backend.begin(operations.registerSlab);
  request.continues = true;
  request.slab = slab;
  request.length = bytes;
  request.decode = nothing;
  request.promise().catch(() => undefined);
  backend.post(request);
}
