/**
 * A read of a file that another process serves (FUSE) kept the engine's thread, and with it all clients, until that had answered; and
 * where that wants no page cache, a read beyond the end had the file twice.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type Client, connect } from "ringpost";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { useEngine } from "../support/engine-setups.js";

const SERVER = fileURLToPath(new URL("../support/slow-files.py", import.meta.url));
const SERVED_IN_MS = 800;
const MOST_WAIT_MS = 400;

const running = useEngine();
const canMount = process.getuid?.() === 0 && existsSync("/dev/fuse");

describe.skipIf(!canMount)(
  "while another process is asked for a file, another client is served:",
  () => {
    let folder: string;
    let path: string;
    let server: ChildProcess;
    let isMounted = false;

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), "ringpost-served-"));
      path = join(folder, "file");
      server = spawn("python3", [SERVER, folder, String(SERVED_IN_MS / 1000)], {
        stdio: ["pipe", "pipe", "ignore"],
      });
      const ended = once(server, "exit").then(() => false);
      isMounted = await Promise.race([once(server.stdout!, "data").then(() => true), ended]);
    });
    afterAll(async () => {
      if (isMounted) {
        server.stdin!.end();
        await once(server, "exit");
      }
      rmdirSync(folder);
    });
    beforeEach(({ skip }) => skip(!isMounted, "may not mount"));

    const readAt = (position: number | null) => async (client: Client) => {
      const fd = await client.open(path);
      const buffer = Buffer.alloc(8); // more than there is: io_uring itself reads the file twice then
      expect(await client.read(fd, buffer, { position })).toBe(4);
      await client.close(fd);
      return buffer.toString("utf8", 0, 4) + buffer.toString("hex", 4);
    };

    it.each<[string, (client: Client) => Promise<string>]>([
      ["read at a position", readAt(0)],
      ["read where the descriptor stands", readAt(null)],
      ["readFile", (client) => client.readFile(path, "utf8")],
    ])("%s", async (_name, read) => {
      const other = await connect(running.engine.handle());
      let isRead = false;
      const begin = performance.now();
      const reading = read(running.client).finally(() => {
        isRead = true;
      });
      let longestMs = 0;
      while (!isRead) {
        const posted = performance.now();
        await other.nop();
        longestMs = Math.max(longestMs, performance.now() - posted);
        await sleep(5);
      }
      expect(await reading).toMatch(/^slow(00000000)?$/);
      expect(performance.now() - begin).toBeGreaterThan(SERVED_IN_MS - 5);
      expect(longestMs).toBeLessThan(MOST_WAIT_MS);
      await other.disconnect();
    });
  },
);
