import { spawn } from "node:child_process";

const SILENCE_MS = 1000;

/**
 * Runs a program and answers with its exit code. Its output is shown only if it fails. When it takes
 * longer than a second, says on stderr what is going on.
 */
export function runQuietly(message, program, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(program, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
    const output = [];
    child.stdout.on("data", (chunk) => output.push(chunk));
    child.stderr.on("data", (chunk) => output.push(chunk));
    const timer = setTimeout(() => process.stderr.write(`ringpost: ${message} …\n`), SILENCE_MS);

    const finish = (code) => {
      clearTimeout(timer);
      if (code !== 0) process.stderr.write(Buffer.concat(output));
      resolve(code);
    };
    child.on("error", (error) => {
      output.push(Buffer.from(`${program}: ${error.message}\n`));
      finish(1);
    });
    child.on("close", (code) => finish(code ?? 1));
  });
}
