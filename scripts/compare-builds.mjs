// Which of two builds makes more requests, 32 at a time: both in one process, in turn, a few milliseconds each, so that whatever else
// the machine does meets both. Usage: taskset -c 1 node scripts/compare-builds.mjs BEFORE AFTER, two checkouts that are built. The one
// that is loaded first has an advantage of about 1 %: run it the other way round, too.
import { openSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";

const PAIRS = 400;
const SLICE_MS = 12;
const WARM_UP_MS = 300;
const FILE = "/dev/shm/ringpost-compare";

const requests = {
  read: (side, nth) => side.client.read(side.fd, side.buffers[nth], { position: 0 }),
  "leased read": (side, nth) => side.client.read(side.fd, side.leases[nth].buffer, { position: 0 }),
  nop: (side) => side.client.nop(),
};

writeFileSync(FILE, Buffer.alloc(1 << 20));
const sides = [];
for (const checkout of process.argv.slice(2, 4)) sides.push(await start(resolve(checkout)));
for (const [name, request] of Object.entries(requests)) {
  for (const side of sides) await run(side, WARM_UP_MS, request);
  const ratios = [];
  for (let nth = 0; nth < PAIRS; nth++) {
    const perMs = [];
    for (const side of nth % 2 === 0 ? [0, 1] : [1, 0]) {
      perMs[side] = await run(sides[side], SLICE_MS, request);
    }
    ratios.push(perMs[1] / perMs[0]);
  }
  ratios.sort((one, other) => one - other);
  const [low, median, high] = [0.25, 0.5, 0.75].map((part) => ratios[PAIRS * part].toFixed(3));
  process.stdout.write(`${name}: after / before ${median} (quartiles ${low} to ${high})\n`);
}
for (const { engine } of sides) await engine.close();

async function start(checkout) {
  const { Engine } = await import(`${checkout}/packages/ringpost/dist/index.js`);
  const engine = await Engine.start();
  const { client } = engine;
  const depth = Array.from({ length: 32 });
  const buffers = depth.map(() => Buffer.alloc(4096));
  return {
    engine,
    client,
    fd: openSync(FILE),
    buffers,
    leases: depth.map(() => client.lease(4096)),
  };
}

/** Returns requests per millisecond. */
async function run(side, ms, request) {
  const begin = performance.now();
  let made = 0;
  const loop = async (_, nth) => {
    for (; performance.now() - begin < ms; made++) await request(side, nth);
  };
  await Promise.all(side.buffers.map(loop));
  return made / (performance.now() - begin);
}
