// How often a second 4 KiB reads come back, and what each costs, by `wait` and `placement`, beside FileHandle.read: all in one
// process, in turn. First busy, at some depths: from the page cache, then from the device. At last one cached read after each pause,
// as of a lightly loaded process. Under each table: what placement "auto" got of "float" in each round, the order changing between
// two; and what "float" got of "float", in another engine: as far as these ratios go from 1 by chance alone.
//
//   node scripts/compare-waits.mjs [rounds]
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { constants, open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Engine } from "../packages/ringpost/dist/index.js";

const ROUNDS = Number(process.argv[2] ?? 5);
const BUSY_MS = 300;
const LIGHT_MS = 900;
const BYTES = 4096;
const BLOCKS = 4096;
const DEPTHS = [1, 8, 32];
const DEVICE_DEPTHS = [1, 8, 16];
const PAUSES_MS = [10, 2];
const setUps = {
  "auto, auto": {},
  "auto, float": { placement: "float" },
  "auto, float, again": { placement: "float" },
  "poll, auto": { wait: "poll" },
  "notify, colocate": { wait: "notify", placement: "colocate" },
  "notify, float": { wait: "notify", placement: "float" },
};

const folder = mkdtempSync(join(tmpdir(), "ringpost-waits-"));
writeFileSync(join(folder, "blocks"), Buffer.alloc(BLOCKS * BYTES, 1));
const cached = await open(join(folder, "blocks"));
await cached.datasync();
const direct = await open(join(folder, "blocks"), constants.O_RDONLY | constants.O_DIRECT);
// Through the ring, which this is about.
const engines = await Promise.all(
  Object.values(setUps).map((options) => Engine.start({ ...options, hotReads: false })),
);

const anywhere = () => Math.floor(Math.random() * BLOCKS) * BYTES;
/** Page-aligned, as O_DIRECT wants it; each engine knows its own. */
const leasesOf = ({ client }) => Array.from({ length: 32 }, () => client.lease(BYTES).buffer);
const ways = new Map(
  Object.keys(setUps).map((name, nth) => {
    const { client } = engines[nth];
    const buffers = leasesOf(engines[nth]);
    return [name, (file, at) => client.read(file.fd, buffers[at], { position: anywhere() })];
  }),
);
const buffers = leasesOf(engines[0]);
ways.set("FileHandle.read", (file, at) => file.read(buffers[at], 0, BYTES, anywhere()));

async function busy(read, file, depth, ms) {
  const latencies = [];
  const cpu = process.cpuUsage();
  const begin = performance.now();
  const loop = async (_, nth) => {
    for (let now = begin; now < begin + ms; ) {
      await read(file, nth);
      const before = now;
      now = performance.now();
      latencies.push(now - before);
    }
  };
  await Promise.all(Array.from({ length: depth }, loop));
  return resultOf(latencies, cpu, performance.now() - begin);
}

async function light(read, pauseMs) {
  const latencies = [];
  const cpu = process.cpuUsage();
  const begin = performance.now();
  while (performance.now() < begin + LIGHT_MS) {
    await sleep(pauseMs);
    const before = performance.now();
    await read(cached, 0);
    latencies.push(performance.now() - before);
  }
  return resultOf(latencies, cpu, performance.now() - begin);
}

function resultOf(latencies, cpuBefore, ms) {
  const { user, system } = process.cpuUsage(cpuBefore);
  return {
    perSecond: Math.round((latencies.length / ms) * 1000),
    p50Us: Number((median(latencies) * 1000).toFixed(1)),
    cpuUs: Number(((user + system) / latencies.length).toFixed(1)),
  };
}

function median(values) {
  return values.sort((a, b) => a - b)[values.length >> 1];
}

async function compare(title, measure) {
  const results = new Map([...ways.keys()].map((name) => [name, []]));
  for (let round = 0; round < ROUNDS; round++) {
    const order = round % 2 === 0 ? [...ways] : [...ways].reverse();
    for (const [name, read] of order) results.get(name).push(await measure(read));
  }
  const floats = results.get("auto, float").map(({ perSecond }) => perSecond);
  const ratiosOf = (name) => results.get(name).map(({ perSecond }, nth) => perSecond / floats[nth]);
  const shown = (ratios) =>
    ratios
      .sort((a, b) => a - b)
      .map((ratio) => ratio.toFixed(2))
      .join(" ");
  const row = (all) =>
    Object.fromEntries(Object.keys(all[0]).map((key) => [key, median(all.map((one) => one[key]))]));
  console.log(title);
  console.table(Object.fromEntries([...results].map(([name, all]) => [name, row(all)])));
  console.log(`"auto" / "float", by round:  ${shown(ratiosOf("auto, auto"))}`);
  console.log(`"float" / "float", by round: ${shown(ratiosOf("auto, float, again"))}`);
}

async function compareBusy(title, file, depth) {
  await compare(title, async (read) => {
    await busy(read, file, depth, BUSY_MS / 5);
    return busy(read, file, depth, BUSY_MS);
  });
}

for (const depth of DEPTHS) {
  await compareBusy(`${depth} at a time, without a pause`, cached, depth);
}
for (const depth of DEVICE_DEPTHS) {
  await compareBusy(`${depth} at a time from the device (O_DIRECT)`, direct, depth);
}
for (const ms of PAUSES_MS) await compare(`one, every ${ms} ms`, (read) => light(read, ms));

await Promise.all(engines.map((engine) => engine.close()));
for (const file of [cached, direct]) await file.close();
rmSync(folder, { recursive: true });
