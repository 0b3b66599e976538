/**
 * A read, an open or a close of a file that another process serves (FUSE) kept the engine's thread, and with it all clients, until that
 * had answered; and where that wants no page cache, a read beyond the end had the file twice.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, mkdtempSync, openSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { type Client, connect } from "ringpost";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { useEngine } from "../support/engine-setups.js";
import { listDescriptors } from "../support/open-descriptors.js";
import { useTempDir } from "../support/temp-dir.js";

const SERVER = fileURLToPath(new URL("../support/slow-files.py", import.meta.url));
const LEAVER = new URL("fixtures/leaves-descriptors.mjs", import.meta.url);
const SERVED_IN_MS = 800;
const MOST_WAIT_MS = 400;

const running = useEngine();
const canMount = process.getuid?.() === 0 && existsSync("/dev/fuse");

/** What `work` comes to, how long it took, and how long a request of another client took meanwhile, at most. */
async function beside<T>(work: () => Promise<T>) {
  const other = await connect(running.engine.handle());
  let isDone = false;
  const begin = performance.now();
  const working = work().finally(() => {
    isDone = true;
  });
  let longestMs = 0;
  while (!isDone) {
    const posted = performance.now();
    await other.nop();
    longestMs = Math.max(longestMs, performance.now() - posted);
    await sleep(5);
  }
  const result = await working;
  const tookMs = performance.now() - begin;
  await other.disconnect();
  return { result, tookMs, longestMs };
}

/** A mount for the tests of a suite, whose server takes its time for one operation. */
function useSlow(operation: "read" | "open" | "flush"): {
  readonly folder: string;
  readonly path: string;
} {
  const mount = { folder: "", path: "" };
  let server: ChildProcess;
  let isMounted = false;

  beforeAll(async () => {
    mount.folder = mkdtempSync(join(tmpdir(), "ringpost-served-"));
    mount.path = join(mount.folder, "file");
    const args = [SERVER, mount.folder, String(SERVED_IN_MS / 1000), operation];
    server = spawn("python3", args, { stdio: ["pipe", "pipe", "ignore"] });
    const ended = once(server, "exit").then(() => false);
    isMounted = await Promise.race([once(server.stdout!, "data").then(() => true), ended]);
    await sleep(1100); // by then the engine knows of it
  });
  afterAll(async () => {
    if (isMounted) {
      server.stdin!.end();
      await once(server, "exit");
    }
    rmdirSync(mount.folder);
  });
  beforeEach(({ skip }) => skip(!isMounted, "may not mount"));
  return mount;
}

describe.skipIf(!canMount)(
  "while another process is asked for a file, another client is served",
  () => {
    describe("and a read takes long:", () => {
      const mount = useSlow("read");

      const readAt = (position: number | null) => async (client: Client) => {
        const fd = await client.open(mount.path);
        const buffer = Buffer.alloc(8); // more than there is: io_uring itself reads the file twice then
        expect(await client.read(fd, buffer, { position })).toBe(4);
        await client.close(fd);
        return buffer.toString("utf8", 0, 4) + buffer.toString("hex", 4);
      };

      it.each<[string, (client: Client) => Promise<string>]>([
        ["read at a position", readAt(0)],
        ["read where the descriptor stands", readAt(null)],
        ["readFile", (client) => client.readFile(mount.path, "utf8")],
      ])("%s", async (_name, read) => {
        const { result, tookMs, longestMs } = await beside(() => read(running.client));
        expect(result).toMatch(/^slow(00000000)?$/);
        expect(tookMs).toBeGreaterThan(SERVED_IN_MS - 5);
        expect(longestMs).toBeLessThan(MOST_WAIT_MS);
      });
    });

    describe("and a read takes long, of a file", () => {
      const mount = useSlow("read");
      const other = useTempDir();

      const read = async (fd: number): Promise<void> => {
        const buffer = Buffer.alloc(8);
        const { result, longestMs } = await beside(() => running.client.read(fd, buffer, 0));
        expect(result).toBe(4);
        expect(longestMs).toBeLessThan(MOST_WAIT_MS);
      };

      it("whose number was another one's just before", async () => {
        const plain = openSync(other().file("abcd"), "r");
        expect(await running.client.read(plain, Buffer.alloc(8), 0)).toBe(4);
        closeSync(plain); // not by ringpost, which isn't told
        const fd = openSync(mount.path, "r");
        expect(fd).toBe(plain);
        await read(fd);
        closeSync(fd);
      });

      it("that is unmounted, but open still", async () => {
        const fd = openSync(mount.path, "r");
        await read(fd);
        execFileSync("umount", ["--lazy", mount.folder]);
        await sleep(2500); // by then the engine knows of it
        await read(fd);
        closeSync(fd);
      });
    });

    describe("and an open takes long:", () => {
      const mount = useSlow("open");

      it.each<[string, (client: Client) => Promise<unknown>]>([
        ["open", async (client) => client.close(await client.open(mount.path))],
        ["openat2", async (client) => client.close(await client.openat2(mount.path))],
        ["readFile", (client) => client.readFile(mount.path)],
        ["in a chain", (client) => client.chain().open(mount.path).run()],
      ])("%s", async (_name, open) => {
        await running.client.stat(mount.path); // from here on its name is cached, which made the difference
        const { tookMs, longestMs } = await beside(() => open(running.client));
        expect(tookMs).toBeGreaterThan(SERVED_IN_MS - 5);
        expect(longestMs).toBeLessThan(MOST_WAIT_MS);
      });
    });

    describe("and a close takes long:", () => {
      const mount = useSlow("flush");

      it("of what a terminated worker hasn't read of", async () => {
        const { engine } = running;
        const worker = new Worker(LEAVER, {
          workerData: { handle: engine.handle(), path: mount.path, count: 2 },
        });
        await once(worker, "message");
        const isIt = (target: string): boolean => target === mount.path;
        await expect.poll(() => listDescriptors().filter(isIt)).toHaveLength(2); // and the worker spins
        const { tookMs, longestMs } = await beside(() => worker.terminate());
        expect(tookMs).toBeGreaterThan(SERVED_IN_MS - 200);
        expect(longestMs).toBeLessThan(MOST_WAIT_MS);
      });
    });
  },
);
