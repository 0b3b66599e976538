/** The generated header, and the hash by which both languages know that they mean the same. */
import { readFileSync } from "node:fs";
import { addon } from "@ringpost/native";
import { afterEach, describe, expect, it, vi } from "vitest";
import { constants, layoutHash } from "./hash.js";
import { renderHeader } from "./header.js";

it("native/generated/protocol.h is what the tables say (npm run generate)", () => {
  const generated = new URL("../../../native/generated/protocol.h", import.meta.url);
  expect(readFileSync(generated, "utf8")).toBe(renderHeader());
});

it("the addon was built from this very layout", () => {
  expect(addon.layoutHash).toBe(layoutHash);
});

it("the header declares every constant once in its namespace, with its value", () => {
  const header = renderHeader();
  for (const [name, value] of Object.entries(constants)) {
    if (typeof value === "number") {
      expect(header).toMatch(new RegExp(`constexpr u?int32_t k\\w+ = ${value}u?;`));
      continue;
    }
    const space = name.replace(/\B[A-Z]/g, (letter) => `_${letter}`).toLowerCase();
    const [, body] =
      new RegExp(`namespace ${space} \\{\\n([^}]*)\\}`).exec(header) ?? expect.unreachable(name);
    const declared = [...body!.matchAll(/ (k\w+) = (-?\d+)u?;/g)];
    expect(declared.map(([, , number]) => Number(number))).toEqual(Object.values(value));
    expect(new Set(declared.map(([, constant]) => constant)).size).toBe(declared.length);
  }
});

describe("the layout's hash changes", () => {
  afterEach(() => {
    vi.doUnmock("./layout.js");
    vi.resetModules();
  });

  async function hashWith(change: (layout: Record<string, unknown>) => void): Promise<number> {
    vi.resetModules();
    vi.doMock("./layout.js", async (importOriginal) => {
      const changed = { ...(await importOriginal<Record<string, unknown>>()) };
      change(changed);
      return changed;
    });
    return (await import("./hash.js")).layoutHash;
  }

  it("with nothing but a change", async () => {
    expect(await hashWith(() => undefined)).toBe(layoutHash);
  });

  const OF_OTHER_FILES = new Set(["Opcode", "RingOperation", "BATCH_BUCKETS", "LATENCY_BUCKETS"]);

  const changes = Object.entries(constants)
    .filter(([name]) => !OF_OTHER_FILES.has(name))
    .flatMap(([name, value]): [name: string, member: string | undefined][] =>
      typeof value === "number"
        ? [[name, undefined]]
        : Object.keys(value).map((member) => [name, member]),
    );

  it.each(changes)("with %s %s", async (name, member) => {
    const changed = await hashWith((layout) => {
      if (member === undefined) {
        layout[name] = (layout[name] as number) + 1;
      } else {
        const table = layout[name] as Record<string, number>;
        layout[name] = { ...table, [member]: table[member]! + 1 };
      }
    });
    expect(changed).not.toBe(layoutHash);
  });
});
