// That options which aren't literals find an overload, as with node:fs/promises, is for tsc to say (npm run typecheck).
import type { BigIntStats, Stats } from "node:fs";
import type { Chain, Client, MkdirOptions, ReadFileOptions, StatOptions } from "ringpost";
import { expectTypeOf, it } from "vitest";

/** These functions are never called: whether they compile is the test. */
type Checks = (client: Client, chain: Chain, path: string) => void;

const given: {
  readonly flag: boolean;
  readonly encoding: BufferEncoding | undefined;
  readonly readFile: ReadFileOptions;
  readonly stat: StatOptions;
  readonly mkdir: MkdirOptions;
} = { flag: false, encoding: undefined, readFile: {}, stat: {}, mkdir: {} };

it("readFile says text or bytes by its encoding", () => {
  const checks: Checks = (client, _chain, path) => {
    const { encoding, flag } = given;
    expectTypeOf(client.readFile(path)).resolves.toEqualTypeOf<Buffer>();
    expectTypeOf(client.readFile(path, null)).resolves.toEqualTypeOf<Buffer>();
    expectTypeOf(client.readFile(path, { encoding: undefined })).resolves.toEqualTypeOf<Buffer>();
    expectTypeOf(client.readFile(path, "utf8")).resolves.toEqualTypeOf<string>();
    expectTypeOf(client.readFile(path, { encoding: "hex" })).resolves.toEqualTypeOf<string>();
    const either = [
      client.readFile(path, given.readFile),
      client.readFile(path, encoding),
      client.readFile(path, { encoding }),
      client.readFile(path, flag ? "utf8" : null),
      client.readFile(path, flag ? "utf8" : given.readFile),
    ] as const;
    expectTypeOf(either[0]).resolves.toEqualTypeOf<Buffer | string>();
    expectTypeOf(either).items.toEqualTypeOf<Promise<Buffer | string>>();
    // @ts-expect-error no such encoding
    client.readFile(path, { encoding: "utf9" });
  };
  expectTypeOf(checks).toBeFunction();
});

it.each(["stat", "lstat"] as const)("%s says which numbers by bigint", (method) => {
  const checks: Checks = (client, chain, path) => {
    const bigint = given.flag;
    expectTypeOf(client[method](path)).resolves.toEqualTypeOf<Stats>();
    expectTypeOf(client[method](path, { bigint: undefined })).resolves.toEqualTypeOf<Stats>();
    expectTypeOf(client[method](path, { bigint: true })).resolves.toEqualTypeOf<BigIntStats>();
    const either = [client[method](path, given.stat), client[method](path, { bigint })] as const;
    expectTypeOf(either).items.toEqualTypeOf<Promise<Stats | BigIntStats>>();

    expectTypeOf(chain[method](path)).toEqualTypeOf<Chain<[Stats]>>();
    expectTypeOf(chain[method](path, { bigint: true })).toEqualTypeOf<Chain<[BigIntStats]>>();
    const eitherStep = [chain[method](path, given.stat), chain[method](path, { bigint })] as const;
    expectTypeOf(eitherStep).items.toEqualTypeOf<Chain<[Stats | BigIntStats]>>();
  };
  expectTypeOf(checks).toBeFunction();
});

it("mkdir says what it made where it is recursive", () => {
  const checks: Checks = (client, chain, path) => {
    const recursive = given.flag;
    expectTypeOf(client.mkdir(path, 0o700)).resolves.toEqualTypeOf<void>();
    expectTypeOf(client.mkdir(path, { recursive: undefined })).resolves.toEqualTypeOf<void>();
    expectTypeOf(client.mkdir(path, { recursive: true })).resolves.toEqualTypeOf<
      string | undefined
    >();
    const either = [client.mkdir(path, given.mkdir), client.mkdir(path, { recursive })] as const;
    expectTypeOf(either).items.toEqualTypeOf<Promise<string | undefined>>();
    chain.mkdir(path, { recursive: undefined });
    // @ts-expect-error what may be recursive is no step
    chain.mkdir(path, { recursive });
  };
  expectTypeOf(checks).toBeFunction();
});
