// QEMU, Busybox and a kernel, from Debian packages that are unpacked into a folder: nothing is installed, and nobody need be root.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runQuietly } from "./run-quietly.mjs";

const PROGRAMS = ["qemu-system-x86", "busybox-static", "e2fsprogs"];
const KERNEL = "linux-image-amd64";
const DOWNLOAD_MS = 300_000;

/**
 * Brings the packages into the folder, unless they are there from another time. Answers with the environment that finds their
 * programs, and with the kernel; or with one sentence about why not.
 */
export async function fetchPackages(folder) {
  const tree = join(folder, "tree");
  const complete = join(folder, "complete");
  if (!existsSync(complete)) {
    rmSync(folder, { recursive: true, force: true });
    for (const name of ["lists/partial", "apt/archives/partial", "debs", "tree"]) {
      mkdirSync(join(folder, name), { recursive: true });
    }
    const problem = (await download(folder)) ?? (await unpack(folder));
    if (problem) return { problem };
    writeFileSync(complete, "");
  }
  const env = programsOf(tree);
  const { status } = spawnSync("qemu-system-x86_64", ["--version"], { env, timeout: 60_000 });
  if (status !== 0) return { problem: "the packages bring no QEMU that runs here" };
  const [release] = readdirSync(join(tree, "lib/modules"));
  return {
    env,
    kernel: {
      release,
      image: join(tree, `boot/vmlinuz-${release}`),
      modules: join(tree, "lib/modules", release),
    },
  };
}

async function download(folder) {
  // Lists and archives of its own: those of the machine are written by root alone, and may be old or absent.
  const apt = [
    ["Dir::State::lists", join(folder, "lists")],
    ["Dir::Cache", join(folder, "apt")],
    ["APT::Sandbox::User", "root"],
  ].flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  const options = { cwd: join(folder, "debs"), timeout: DOWNLOAD_MS };
  const lists = await runQuietly(
    "reading Debian's lists",
    "apt-get",
    [...apt, "-qq", "update"],
    options,
  );
  if (lists !== 0) return "apt-get can't read the lists of Debian's packages";

  const install = ["install", "--print-uris", "--no-install-recommends", "-qq", ...PROGRAMS];
  // One a line: 'URI' name_version_architecture.deb bytes hash. Those that the machine has are not among them.
  const programs = answerOf("apt-get", [...apt, ...install]).matchAll(/^'\S+' ([^_\s]+)_/gm);
  const kernel = answerOf("apt-cache", [...apt, "depends", KERNEL]).match(
    /Depends: (linux-image-\S+)/,
  );
  if (kernel === null) return `apt-get knows no ${KERNEL}`;
  const packages = [...Array.from(programs, ([, name]) => name), kernel[1]];
  const args = [...apt, "-qq", "download", ...packages];
  const code = await runQuietly("downloading QEMU and a kernel", "apt-get", args, options);
  return code === 0 ? undefined : "apt-get can't download Debian's packages";
}

async function unpack(folder) {
  for (const name of readdirSync(join(folder, "debs"))) {
    const args = ["-x", join(folder, "debs", name), join(folder, "tree")];
    const code = await runQuietly(`unpacking ${name}`, "dpkg", args);
    if (code !== 0) return `dpkg can't unpack ${name}`;
  }
  for (const name of ["lists", "apt", "debs"]) {
    rmSync(join(folder, name), { recursive: true, force: true });
  }
}

function programsOf(tree) {
  const under = (folders) => folders.map((name) => join(tree, name));
  const programs = under(["usr/bin", "usr/sbin", "bin", "sbin"]);
  const libraries = under(["usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu"]);
  return {
    ...process.env,
    PATH: [...programs, process.env.PATH, "/usr/sbin", "/sbin"].join(":"),
    LD_LIBRARY_PATH: libraries.join(":"),
  };
}

function answerOf(program, args) {
  return spawnSync(program, args, { encoding: "utf8", timeout: DOWNLOAD_MS }).stdout ?? "";
}
