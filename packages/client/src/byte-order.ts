import { endianness } from "node:os";

/** The engine and the kernel write in the machine's own byte order. */
export const littleEndian: boolean = endianness() === "LE";
