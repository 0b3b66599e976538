import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { type ProgramOptions, runProgram } from "./run-program.js";

const REFUSE = fileURLToPath(new URL("fixtures/refuse-io-uring.py", import.meta.url));

const ERRNO = { EPERM: 1, EAGAIN: 11, ENOMEM: 12, EMFILE: 24, ENOSYS: 38 };

const FEW_DESCRIPTORS = ["sh", "-c", 'ulimit -n 64; exec "$@"', "sh"];

async function refusal(options: ProgramOptions): Promise<Record<string, unknown>> {
  const ending = await runProgram("start", options);
  expect(ending).toMatchObject({ code: 0, signal: null, stderr: "" });
  return JSON.parse(ending.stdout);
}

describe.concurrent("Engine.start rejects with the reason and the cure", () => {
  it.each([
    ["EPERM", "seccomp", /refused by a seccomp profile.* Cure: allow io_uring_setup/],
    ["ENOSYS", "no-io_uring", /has no io_uring.* Cure: run on Linux 5\.6/],
    ["ENOMEM", "memlock", /limit of locked memory.* Cure: raise it \(`ulimit -l`/],
    ["EAGAIN", "threads", /no thread is left.* Cure: raise the limit of processes and threads/],
    ["EMFILE", "descriptors", /no file descriptor is left.* Cure: raise the limit of open files/],
  ] as const)(
    "where io_uring_setup says %s, and leaves nothing behind",
    async (name, reason, message) => {
      const launcher = ["python3", REFUSE, String(ERRNO[name])];
      expect(await refusal({ launcher })).toEqual({
        code: "ERR_RINGPOST_UNAVAILABLE",
        errno: -ERRNO[name],
        reason,
        cure: expect.stringMatching(/./),
        message: expect.stringMatching(message),
        leaked: {},
      });
    },
  );

  // The engine's thread needs descriptors of its own, and its modules, before the ring does.
  it.each([0, 3, 6])("where only %i descriptors are left", async (count) => {
    expect(await refusal({ launcher: FEW_DESCRIPTORS, args: [count] })).toMatchObject({
      code: "ERR_RINGPOST_UNAVAILABLE",
      reason: "descriptors",
      message: expect.stringMatching(/Cure: raise the limit of open files/),
    });
  });
});
