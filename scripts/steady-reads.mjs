// Reads a file, 32 reads at a time, until stdin ends. Prints a line when that is under way, and one with the reads since.
// Argument: options of Engine.start, as JSON. Used by show-sqpoll.mjs.
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Engine } from "../packages/ringpost/dist/index.js";

const WARM_UP_MS = 500;

const engine = await Engine.start({ hotReads: false, ...JSON.parse(process.argv[2] ?? "{}") });
const { client } = engine;
const fd = await client.open(fileURLToPath(import.meta.url));
let reads = 0;
let goesOn = true;
const loops = Array.from({ length: 32 }, async () => {
  const buffer = Buffer.alloc(512);
  while (goesOn) {
    await client.read(fd, buffer, { position: 0 });
    reads++;
  }
});
await sleep(WARM_UP_MS);
reads = 0;
process.stdout.write("steady\n");
process.stdin.resume();
await once(process.stdin, "end");
goesOn = false;
await Promise.all(loops);
process.stdout.write(`${reads}\n`);
await client.close(fd);
await engine.close();
