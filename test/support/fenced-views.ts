/** Views with canaries on both sides: a transfer must not touch a byte outside of the view that it was given. */
import { expect } from "vitest";

type MakeView = (buffer: ArrayBufferLike, offset: number, bytes: number) => NodeJS.ArrayBufferView;

type MakeArray = new (buffer: ArrayBufferLike, offset: number, length: number) => NodeJS.TypedArray;

/** There since Node.js 24. */
const { Float16Array } = globalThis as unknown as { Float16Array?: MakeArray };

/** Every kind of view that JavaScript has. */
export const viewKinds: Readonly<Record<string, MakeView>> = {
  Buffer: (buffer, offset, bytes) => Buffer.from(buffer as ArrayBuffer, offset, bytes),
  Uint8Array: (buffer, offset, bytes) => new Uint8Array(buffer, offset, bytes),
  Uint8ClampedArray: (buffer, offset, bytes) => new Uint8ClampedArray(buffer, offset, bytes),
  Int8Array: (buffer, offset, bytes) => new Int8Array(buffer, offset, bytes),
  Uint16Array: (buffer, offset, bytes) => new Uint16Array(buffer, offset, bytes / 2),
  Int16Array: (buffer, offset, bytes) => new Int16Array(buffer, offset, bytes / 2),
  Uint32Array: (buffer, offset, bytes) => new Uint32Array(buffer, offset, bytes / 4),
  Int32Array: (buffer, offset, bytes) => new Int32Array(buffer, offset, bytes / 4),
  Float32Array: (buffer, offset, bytes) => new Float32Array(buffer, offset, bytes / 4),
  Float64Array: (buffer, offset, bytes) => new Float64Array(buffer, offset, bytes / 8),
  BigInt64Array: (buffer, offset, bytes) => new BigInt64Array(buffer, offset, bytes / 8),
  BigUint64Array: (buffer, offset, bytes) => new BigUint64Array(buffer, offset, bytes / 8),
  DataView: (buffer, offset, bytes) => new DataView(buffer, offset, bytes),
  ...(Float16Array !== undefined && {
    Float16Array: (buffer: ArrayBufferLike, offset: number, bytes: number) =>
      new Float16Array(buffer, offset, bytes / 2),
  }),
};

/** Since ES2024, buffers can have room to grow into. The types of Node.js 20 don't know yet, the engine does. */
type Growing<B> = new (bytes: number, options: { maxByteLength: number }) => B;

export const bufferKinds: Readonly<Record<string, (bytes: number) => ArrayBufferLike>> = {
  ArrayBuffer: (bytes) => new ArrayBuffer(bytes),
  SharedArrayBuffer: (bytes) => new SharedArrayBuffer(bytes),
  "resizable ArrayBuffer": (bytes) =>
    new (ArrayBuffer as Growing<ArrayBuffer>)(bytes, { maxByteLength: bytes * 2 }),
  "growable SharedArrayBuffer": (bytes) =>
    new (SharedArrayBuffer as Growing<SharedArrayBuffer>)(bytes, { maxByteLength: bytes * 2 }),
};

/** Every kind of view on every kind of buffer, for `it.each`. */
export const viewsOnBuffers: readonly (readonly [view: string, buffer: string])[] = Object.keys(
  viewKinds,
).flatMap((view) => Object.keys(bufferKinds).map((buffer) => [view, buffer] as const));

const CANARY = 0xa5;
const FENCE_BYTES = 24;

export function bytesOf(view: NodeJS.ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

/** Bytes that differ from place to place, and from canaries in most places. */
export function patternBytes(bytes: number, start = 0): Buffer {
  const period = Buffer.from(
    Uint8Array.from({ length: 251 }, (_, at) => ((start + at) * 31 + 7) % 251),
  );
  return Buffer.alloc(bytes, period);
}

/** A zeroed view with canaries before and behind it. */
export function fencedView(
  bytes: number,
  viewKind = "Uint8Array",
  bufferKind = "ArrayBuffer",
): NodeJS.ArrayBufferView {
  const buffer = bufferKinds[bufferKind]!(bytes + 2 * FENCE_BYTES);
  new Uint8Array(buffer).fill(CANARY);
  new Uint8Array(buffer, FENCE_BYTES, bytes).fill(0);
  return viewKinds[viewKind]!(buffer, FENCE_BYTES, bytes);
}

export function expectFencesIntact(view: NodeJS.ArrayBufferView): void {
  const before = Buffer.from(view.buffer as ArrayBuffer, 0, view.byteOffset);
  const behind = Buffer.from(view.buffer as ArrayBuffer, view.byteOffset + view.byteLength);
  expect(before.every((byte) => byte === CANARY)).toBe(true);
  expect(behind.every((byte) => byte === CANARY)).toBe(true);
}
