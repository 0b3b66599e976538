// Runs the operation table on an engine with `iopoll`, in QEMU: on Debian's kernel, with one disk that has poll queues and one that
// has none. Ends with one line of counts. Usage: node scripts/test-iopoll.mjs [vitest arguments]; by default, test/ops.
import { spawn, spawnSync } from "node:child_process";
import {
  accessSync,
  constants,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { fetchPackages } from "./debian-packages.mjs";
import { shellWord, writeInitramfs } from "./initramfs.mjs";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const cache = resolve(root, "node_modules/.cache/ringpost-iopoll");
mkdirSync(cache, { recursive: true });
const run = mkdtempSync(join(cache, "run-"));
const countsPath = join(run, "counts.json");

const POLL_QUEUES = 2;
const DISK_BYTES = 8 * 2 ** 30; // holes, mostly
const GREETING = "ringpost: the guest is up, Linux";
const MODULES = [
  "virtio_pci",
  "9pnet_virtio",
  "9p",
  "overlay",
  "nvme",
  "virtio_blk",
  "crc32c_generic",
  "ext4",
];
// Virtualization within a virtual machine may hang where it should fail.
const BOOT_MS = { kvm: 20_000, tcg: 120_000 };
const TESTS_MS = 1_500_000;

// The guest and its disks end with this process, whatever ends it.
process.on("exit", () => rmSync(run, { recursive: true, force: true }));
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));
const counts = await testInGuest(process.argv.slice(2));
process.stdout.write(
  `\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`,
);
// At once: the deadline of a program that couldn't be started would be waited for.
process.exit(counts.failed > 0 ? 1 : 0);

async function testInGuest(args) {
  if (process.arch !== "x64") return skip(`the guest is a PC; this is ${process.arch}`);
  const { problem, env, kernel } = await fetchPackages(join(cache, "packages"));
  if (problem) return skip(problem);
  writeInitramfs(join(run, "initramfs"), {
    env,
    kernel,
    modules: MODULES,
    init: resolve(root, "scripts/iopoll-guest.sh"),
    settings: {
      GREETING,
      POLL_QUEUES: String(POLL_QUEUES),
      TESTS: testsCommand(args.length > 0 ? args : ["test/ops"]),
    },
  });
  for (const name of ["polled", "unpolled"]) makeDisk(join(run, name), env);
  return await runGuest({ env, kernel });
}

/** What the guest runs, in a shell of the machine's. */
function testsCommand(args) {
  const settings = {
    HOME: "/root",
    NO_COLOR: "1",
    PATH: process.env.PATH,
    TMPDIR: "/ringpost-polled",
    RINGPOST_UNPOLLED_DIR: "/ringpost-unpolled",
    RINGPOST_SETUP: "iopoll",
    RINGPOST_VITEST_COUNTS: "/ringpost-polled/counts.json",
  };
  const vitest = resolve(root, "node_modules/vitest/vitest.mjs");
  const reporters = ["--reporter=default", "--reporter=./scripts/vitest-counts.mjs"];
  // An emulated processor is some thirty times slower.
  const timeouts = ["--testTimeout=300000", "--hookTimeout=300000"];
  return [
    `cd ${shellWord(root)} && exec env -i`,
    ...Object.entries(settings).map(([name, value]) => `${name}=${shellWord(value)}`),
    ...[process.execPath, vitest, "run", ...reporters, ...timeouts, ...args].map(shellWord),
  ].join(" ");
}

/** A file with holes only, and an empty file system on it. */
function makeDisk(path, env) {
  writeFileSync(path, "");
  truncateSync(path, DISK_BYTES);
  const { status, stderr, error } = spawnSync("mkfs.ext4", ["-q", "-F", path], {
    env,
    timeout: 60_000,
  });
  if (status !== 0) throw new Error(`mkfs.ext4: ${error?.message ?? stderr}`);
}

/** With hardware's help where there is some that works, or else without. */
async function runGuest(machine) {
  for (const accelerator of isWritable("/dev/kvm") ? ["kvm", "tcg"] : ["tcg"]) {
    const { isUp, output } = await boot(accelerator, machine);
    if (isUp) return readCounts();
    if (accelerator === "tcg") process.stdout.write(output);
    const next =
      accelerator === "kvm" ? "the processor is emulated, which takes minutes" : "giving up";
    process.stdout.write(`ringpost: no guest starts with -accel ${accelerator}; ${next}\n`);
  }
  return { passed: 0, failed: 1, skipped: 0 };
}

/** Shows what the guest says from its greeting on, and ends with it. */
function boot(accelerator, { env, kernel }) {
  const qemu = spawn("qemu-system-x86_64", machineOptions(accelerator, kernel), {
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const stop = () => qemu.kill("SIGKILL");
  let timer = setTimeout(stop, BOOT_MS[accelerator]);
  let output = "";
  let isUp = false;
  const hear = (chunk) => {
    if (isUp) {
      process.stdout.write(chunk);
      return;
    }
    output += chunk;
    const start = output.indexOf(GREETING);
    if (start < 0) return;
    isUp = true;
    process.stdout.write(output.slice(start));
    clearTimeout(timer);
    timer = setTimeout(() => {
      process.stdout.write(`\nringpost: the tests don't end within ${TESTS_MS / 1000} s\n`);
      stop();
    }, TESTS_MS);
  };
  qemu.stdout.on("data", hear);
  qemu.stderr.on("data", hear);
  process.once("exit", stop);
  return new Promise((done) => {
    qemu.on("error", (error) => hear(`${error.message}\n`));
    qemu.on("close", () => {
      clearTimeout(timer);
      process.removeListener("exit", stop);
      done({ isUp, output });
    });
  });
}

function machineOptions(accelerator, kernel) {
  const disk = (name) => `file=${join(run, name)},format=raw,cache=unsafe,if=none,id=${name}`;
  const options = {
    machine: "pc",
    accel: accelerator === "kvm" ? "kvm" : "tcg,thread=multi",
    cpu: accelerator === "kvm" ? "host" : "max",
    smp: "2",
    m: "6144",
    kernel: kernel.image,
    initrd: join(run, "initramfs"),
    append: "console=ttyS0 quiet panic=-1",
    display: "none",
    virtfs: "local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap",
  };
  return [
    ...["-nodefaults", "-no-user-config", "-no-reboot"],
    ...["-serial", "stdio", "-serial", `file:${countsPath}`],
    ...["-drive", disk("polled"), "-device", "nvme,serial=polled,drive=polled"],
    ...["-drive", disk("unpolled"), "-device", "virtio-blk-pci,drive=unpolled"],
    ...Object.entries(options).flatMap(([name, value]) => [`-${name}`, value]),
  ];
}

/** What scripts/vitest-counts.mjs wrote in the guest. A test that is skipped for want of the guest's very disks has failed. */
function readCounts() {
  const text = readFileSync(countsPath, "utf8");
  if (text === "") return { passed: 0, failed: 1, skipped: 0 };
  const { skips, ...counts } = JSON.parse(text);
  const unasked = skips.filter((skipped) => skipped.includes("poll queues"));
  process.stdout.write(`${skips.join("\n")}\n`);
  counts.skipped -= unasked.length;
  counts.failed += unasked.length;
  if (counts.passed === 0) counts.failed += 1;
  return counts;
}

function skip(reason) {
  process.stdout.write(`skipped: ${reason}\n`);
  return { passed: 0, failed: 0, skipped: 1 };
}

function isWritable(path) {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
