import { type Operation, operations } from "./operations.js";

const BEGIN =
  "<!-- operations: written by `npm run generate` from packages/protocol/src/operations.ts -->";
const END = "<!-- /operations -->";

function row({ call, kernel, submits, fallback, syscall, syscalls }: Operation): string {
  // Two methods of one operation: each in its own code span. A bar would end the cell.
  const methods = call.replaceAll("), ", ")`, `").replaceAll("|", "\\|");
  const onOlder = fallback === "none" ? "ENOSYS" : fallback;
  const named = (syscalls ?? [syscall]).join(", ");
  return `| \`${methods}\` | ${kernel} | ${submits.join(", ")} | ${onOlder} | ${named} |`;
}

/** The operations as a Markdown table: the method, the first kernel, what goes into the ring, what an older kernel gives, the errors' syscall. */
export function renderOperations(): string {
  // A cancellation has no promise, and so no error: README tells of it elsewhere.
  const { cancel: _cancel, ...withReplies } = operations;
  const rows = Object.values<Operation>(withReplies).filter(({ call }) => call !== "");
  return [
    "| method | Linux | submits | on an older kernel | `syscall` of its errors |",
    "|---|---|---|---|---|",
    ...rows.map(row),
  ].join("\n");
}

/** The README with its table of operations as it has to be. */
export function documentOperations(readme: string): string {
  const begin = readme.indexOf(BEGIN);
  const end = readme.indexOf(END);
  if (begin < 0 || end < begin) throw new Error("README.md has no place for the operations");
  return `${readme.slice(0, begin + BEGIN.length)}\n\n${renderOperations()}\n\n${readme.slice(end)}`;
}
