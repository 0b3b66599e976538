// The file system that a guest starts from: Busybox, the modules that it needs, and its first process.
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";

/**
 * Writes it to `path`. `init` is a shell script; it finds the modules in the order in which they load as /modules/00-name.ko and so
 * on, and the settings as variables in /settings.
 */
export function writeInitramfs(path, { env, kernel, modules, init, settings }) {
  const folder = `${path}.d`;
  rmSync(folder, { recursive: true, force: true });
  for (const name of ["bin", "dev", "proc", "sys", "modules"]) {
    mkdirSync(join(folder, name), { recursive: true });
  }
  const busybox = run("sh", ["-c", "command -v busybox"], { env }).toString().trim();
  copyFileSync(busybox, join(folder, "bin/busybox"));
  inLoadOrder(modules, kernel.modules).forEach((module, nth) => {
    const name = `${String(nth).padStart(2, "0")}-${basename(module)}`;
    copyFileSync(module, join(folder, "modules", name));
  });
  writeFileSync(join(folder, "init"), readFileSync(init), { mode: 0o755 });
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${shellWord(value)}\n`);
  writeFileSync(join(folder, "settings"), lines.join(""));

  const list = readdirSync(folder, { recursive: true }).join("\n");
  const cpio = ["cpio", "-o", "-H", "newc"];
  writeFileSync(path, run(busybox, cpio, { cwd: folder, input: list }));
  rmSync(folder, { recursive: true });
}

/** The modules of these names and all that they depend on, dependencies first. One that is not there is built into the kernel. */
function inLoadOrder(names, folder) {
  const paths = new Map(
    readdirSync(folder, { recursive: true })
      .filter((path) => path.endsWith(".ko"))
      .map((path) => [nameOf(path), join(folder, path)]),
  );
  const ordered = new Set();
  const add = (name) => {
    const path = paths.get(nameOf(name));
    if (path === undefined || ordered.has(path)) return;
    dependenciesOf(path).forEach(add);
    ordered.add(path);
  };
  names.forEach(add);
  return [...ordered];
}

/** A module's own word, from its section .modinfo. What it would merely like to have (softdep) is not among it. */
function dependenciesOf(path) {
  const found = readFileSync(path, "latin1").match(/\0depends=([^\0]*)\0/);
  return found?.[1].split(",").filter((name) => name !== "") ?? [];
}

/** Files are named with either dash; the kernel takes them for the same. */
function nameOf(module) {
  return basename(module, ".ko").replaceAll("-", "_");
}

/** The word as a shell reads it. */
export function shellWord(word) {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

function run(program, args, options) {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    ...options,
    maxBuffer: 1 << 30,
    timeout: 60_000,
  });
  if (status !== 0) throw new Error(`${program}: ${error?.message ?? stderr}`);
  return stdout;
}
