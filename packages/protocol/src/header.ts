import { constants, layoutHash } from "./hash.js";
import { operations } from "./operations.js";

/** For tables by opcode. */
const LAST_OPCODE = Math.max(...Object.values(operations).map(({ opcode }) => opcode));

const screamingToPascal = (name: string): string =>
  name
    .split("_")
    .map((word) => word.charAt(0) + word.slice(1).toLowerCase())
    .join("");

/** `REQUEST_TAIL` and `readFile` both become the C++ constant's name: `kRequestTail`, `kReadFile`. */
const constantName = (name: string): string =>
  /^[A-Z0-9_]+$/.test(name)
    ? `k${screamingToPascal(name)}`
    : `k${name.charAt(0).toUpperCase()}${name.slice(1)}`;

const groupName = (name: string): string =>
  name.replace(/[A-Z]/g, (letter, at) => (at ? "_" : "") + letter.toLowerCase());

const literal = (value: number): string => (value < 0 ? `${value}` : `${value}u`);

const declare = (name: string, value: number): string =>
  `inline constexpr ${value < 0 ? "int32_t" : "uint32_t"} ${constantName(name)} = ${literal(value)};`;

/** As the kernel has them, in a byte of a submission; kernel_abi.h takes the group over as it is. */
const declareRingOperation = (name: string, value: number): string =>
  `inline constexpr uint8_t ${constantName(`OP_${name}`)} = ${literal(value)};`;

/** The text of `native/generated/protocol.h`. */
export function renderHeader(): string {
  const body = Object.entries(constants).map(([name, value]) => {
    if (typeof value === "number") return declare(name, value);
    const declareMember = name === "RingOperation" ? declareRingOperation : declare;
    const members = Object.entries(value).map(([member, number]) => declareMember(member, number));
    return `\nnamespace ${groupName(name)} {\n${members.join("\n")}\n}  // namespace ${groupName(name)}`;
  });
  return `// Generated from packages/protocol by \`npm run generate\`. Do not edit.
// clang-format off
#pragma once

#include <cstdint>

namespace ringpost::protocol {

inline constexpr uint32_t kLayoutHash = ${literal(layoutHash)};
${declare("LAST_OPCODE", LAST_OPCODE)}
${body.join("\n")}

}  // namespace ringpost::protocol
`;
}
