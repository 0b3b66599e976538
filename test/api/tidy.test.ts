/** The rules of the house that a program can check: sizes, names, stages, and who may touch shared words. */
import { readdirSync, readFileSync } from "node:fs";
import { basename, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));
const NOT_OURS = /(^|\/)(node_modules|dist|build|build-test|generated|\.\w+)(\/|$)/;

interface Source {
  /** From the root of the repository. */
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
}

function sourcesIn(folder: string, kind: RegExp): Source[] {
  return readdirSync(`${root}${folder}`, { recursive: true, encoding: "utf8" })
    .map((name) => relative(root, `${root}${folder}/${name}`))
    .filter((path) => kind.test(path) && !NOT_OURS.test(path))
    .sort()
    .map((path) => {
      const text = readFileSync(`${root}${path}`, "utf8");
      return { path, text, lines: text.trimEnd().split("\n") };
    });
}

const TYPESCRIPT = /\.ts$/;
const CPP = /\.(cc|h)$/;
const ANY = /\.(ts|mjs|js|cc|h)$/;

const isTest = ({ path }: Source): boolean => /\.test\.ts$/.test(path);
const packages = ["packages", "native/loader"].flatMap((folder) => sourcesIn(folder, TYPESCRIPT));
const library = packages.filter((source) => !isTest(source));
const native = sourcesIn("native/src", CPP);
const all = ["packages", "native", "test", "bench", "scripts"].flatMap((folder) =>
  sourcesIn(folder, ANY),
);

/** Comments are about what is not in the code, and so don't count as code. */
const withoutComments = (text: string): string =>
  text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, (comment) => comment.replace(/[^\n]/g, ""));

it("there is something to check", () => {
  expect(library.length).toBeGreaterThan(25);
  expect(native.length).toBeGreaterThan(20);
  expect(all.length).toBeGreaterThan(library.length + native.length);
});

it("source files are short", () => {
  const MOST_LINES = 400;
  const long = all.filter(({ lines }) => lines.length > MOST_LINES);
  expect(long.map(({ path, lines }) => `${path}: ${lines.length} lines`)).toEqual([]);
});

it("no file is named for having no name", () => {
  const vague = all.filter(({ path }) => /^(utils?|helpers?|common|misc)\b/i.test(basename(path)));
  expect(vague.map(({ path }) => path)).toEqual([]);
});

it("the kernel's stage is the sixth, and each of the others opens one file", () => {
  const openings = [...library, ...native].flatMap(({ path, lines }) =>
    [
      ...lines
        .slice(0, 8)
        .join(" ")
        .matchAll(/Stage (\d) of 9/g),
    ].map(([, stage]) => ({ stage, path })),
  );
  const filesOf = (stage: number): string[] =>
    openings.filter((opening) => opening.stage === String(stage)).map(({ path }) => path);
  for (const stage of [1, 2, 3, 4, 5, 7, 8, 9]) {
    expect({ stage, files: filesOf(stage) }).toEqual({ stage, files: [expect.any(String)] });
  }
  expect(filesOf(6)).toEqual([]);
});

it("every stage says which thread runs it", () => {
  const stages = [...library, ...native].filter(({ text }) => /Stage \d of 9/.test(text));
  for (const { path, text } of stages) {
    expect(text, path).toMatch(/Stage \d of 9,[\s/*]+(the )?(client's|engine('s)?) thread/);
  }
});

describe("shared words are touched", () => {
  it("in TypeScript by shared-words.ts alone", () => {
    const users = packages.filter(({ text }) => /\bAtomics\s*[.[]/.test(withoutComments(text)));
    expect(users.map(({ path }) => path)).toEqual(["packages/mailbox/src/shared-words.ts"]);
  });

  it("in C++ by shared_words.h, and by ring.h and ring.cc for those of the kernel", () => {
    const users = native.filter(({ text }) =>
      /\batomic_ref\b|__atomic_/.test(withoutComments(text)),
    );
    expect(users.map(({ path }) => path)).toEqual([
      "native/src/ring.cc",
      "native/src/ring.h",
      "native/src/shared_words.h",
    ]);
  });
});

describe("functions are short", () => {
  const MOST_LINES = 60;

  /** A function begins on a line that opens a brace, and ends at the next brace of the same indentation. */
  function longFunctions({ path, lines }: Source): string[] {
    const begins = /^(\s*)(?!.*\b(class|interface|namespace|struct|enum|describe)\b).*\)[^;]*\{$/;
    return lines.flatMap((line, nth) => {
      const indentation = begins.exec(line)?.[1];
      if (indentation === undefined) return [];
      const end = lines.findIndex((other, at) => at > nth && other.startsWith(`${indentation}}`));
      const length = end - nth + 1;
      return length > MOST_LINES ? [`${path}:${nth + 1}: ${length} lines`] : [];
    });
  }

  it("in TypeScript", () => {
    expect(packages.flatMap(longFunctions)).toEqual([]);
  });

  it("in C++", () => {
    expect(native.flatMap(longFunctions)).toEqual([]);
  });
});

it("N-API is known to addon.cc and its two parts alone", () => {
  const users = native.filter(({ text }) =>
    /\bnapi(\.h|_\w+)|\bNapi::/.test(withoutComments(text)),
  );
  expect(users.map(({ path }) => path)).toEqual([
    "native/src/addon.cc",
    "native/src/addon_options.h",
    "native/src/event_loop_waker.h",
  ]);
});

it("a package's index re-exports, and does nothing else", () => {
  const indexes = library.filter(({ path }) => /^packages\/\w+\/src\/index\.ts$/.test(path));
  expect(indexes.length).toBeGreaterThan(3);
  for (const { path, text } of indexes) {
    const rest = withoutComments(text).replace(/export (type )?(\*|\{[^}]*\}) from "[^"]+";/g, "");
    expect(rest.trim(), path).toBe("");
  }
});

it("nothing is left for later without a word", () => {
  const pattern = new RegExp(["\\bTO", "DO\\b|\\bFIX", "ME\\b"].join(""));
  const left = all.filter(({ text }) => pattern.test(text));
  expect(left.map(({ path }) => path)).toEqual([]);
});

it("no test is left out, or alone", () => {
  const tests = all.filter(isTest);
  const left = tests.filter(({ text }) => /\b(it|test|describe)\.(only|todo|skip)\b/.test(text));
  expect(left.map(({ path }) => path)).toEqual([]);
});
