import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";

export const OLDEST_NODE = [20, 19];

const CURES =
  "on Debian or Ubuntu `apt-get install g++ make python3`, " +
  "on Fedora `dnf install gcc-c++ make python3`, " +
  "on Alpine `apk add g++ make python3 linux-headers`";

/**
 * Looks for what the build needs. Answers with one sentence about what is missing and its cure, or
 * with the C++ compiler to use. Takes its surroundings as arguments so that a test can fake them.
 */
export function checkPrerequisites({
  env = process.env,
  platform = process.platform,
  nodeVersion = process.versions.node,
} = {}) {
  if (platform !== "linux") {
    return {
      problem: `ringpost needs Linux (io_uring is a Linux interface); this is ${platform}.`,
    };
  }
  if (!isNodeRecent(nodeVersion)) {
    const oldest = OLDEST_NODE.join(".");
    return {
      problem: `Building ringpost needs Node.js ${oldest} or newer; this is ${nodeVersion}: install a newer one from https://nodejs.org.`,
    };
  }

  const compiler = firstOnPath(env.CXX ? [env.CXX] : ["g++", "clang++", "c++"], env);
  const python = firstOnPath(env.PYTHON ? [env.PYTHON] : ["python3", "python"], env);
  const missing = [];
  if (!compiler)
    missing.push(env.CXX ? `the C++ compiler of CXX (${env.CXX})` : "a C++20 compiler");
  if (!firstOnPath(["make"], env)) missing.push("make");
  if (!python) missing.push(env.PYTHON ? `the Python of PYTHON (${env.PYTHON})` : "python3");
  if (missing.length > 0) {
    return {
      problem: `Building ringpost needs ${new Intl.ListFormat("en").format(missing)}, not found here: ${CURES}.`,
    };
  }
  return { compiler };
}

function isNodeRecent(version) {
  const [major, minor] = version.split(".").map(Number);
  const [oldestMajor, oldestMinor] = OLDEST_NODE;
  return major > oldestMajor || (major === oldestMajor && minor >= oldestMinor);
}

/** The first of these commands that exists. A command may carry arguments, as in `CXX="ccache g++"`. */
function firstOnPath(commands, env) {
  return commands.find((command) => {
    const program = command.trim().split(/\s+/)[0] ?? "";
    if (program.includes("/")) return isExecutable(resolve(program));
    return (env.PATH ?? "").split(delimiter).some((folder) => isExecutable(join(folder, program)));
  });
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
