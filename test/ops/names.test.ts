/** rename, unlink, rmdir, mkdir, symlink and link: what they do to names, beside node:fs. */
import fs from "node:fs";
import nodeFs from "node:fs/promises";
import { relative } from "node:path";
import { pathToFileURL } from "node:url";
import type { Client } from "ringpost";
import { describe, expect, it } from "vitest";
import { describeOnEngineSetups } from "../support/engine-setups.js";
import { expectNodesFailure, expectSameFailure } from "../support/failures.js";
import { useTempDir } from "../support/temp-dir.js";

const dir = useTempDir();

const text = (path: string): string => fs.readFileSync(path, "utf8");

function makeDirectory(): string {
  const path = dir().fresh();
  fs.mkdirSync(path);
  return path;
}

describeOnEngineSetups((running) => {
  const ours = (): Client => running.client;

  /** The same call of both must fail, alike. */
  const bothFail = (code: string, call: (api: Client | typeof nodeFs) => Promise<unknown>) =>
    expectNodesFailure(
      code,
      () => call(ours()),
      () => call(nodeFs),
    );

  /** One signature for both. */
  const mkdir = (api: Client | typeof nodeFs, path: string, options?: string | object) =>
    (api.mkdir as (path: string, options?: string | object) => Promise<unknown>)(path, options);

  describe("rename", () => {
    it("gives a file another name, in place of what had it", async () => {
      const [from, to] = [dir().file("new"), dir().file("old")];
      expect(await ours().rename(from, to)).toBeUndefined();
      expect(fs.existsSync(from)).toBe(false);
      expect(text(to)).toBe("new");
    });

    it("takes URLs and bytes", async () => {
      const [from, to] = [dir().file("x"), dir().fresh()];
      await ours().rename(pathToFileURL(from), Buffer.from(to));
      expect(text(to)).toBe("x");
    });

    it("with noReplace leaves a name that is taken", async () => {
      const [from, to] = [dir().file("new"), dir().file("old")];
      await expect(ours().rename(from, to, { noReplace: true })).rejects.toMatchObject({
        code: "EEXIST",
        syscall: "rename",
        path: from,
        dest: to,
      });
      expect([text(from), text(to)]).toEqual(["new", "old"]);
      await ours().rename(from, `${to}-free`, { noReplace: true });
      expect(text(`${to}-free`)).toBe("new");
    });

    it("with exchange swaps two names", async () => {
      const [one, other] = [dir().file("1"), makeDirectory()];
      await ours().rename(one, other, { exchange: true });
      expect(fs.statSync(one).isDirectory()).toBe(true);
      expect(text(other)).toBe("1");
    });

    it("fails as node:fs does", async () => {
      const [file, folder, missing] = [dir().file("x"), makeDirectory(), dir().fresh()];
      await bothFail("ENOENT", (api) => api.rename(missing, file));
      await bothFail("ENOENT", (api) => api.rename(file, `${missing}/child`));
      await bothFail("ENOENT", (api) => api.rename("", file));
      await bothFail("ENOENT", (api) => api.rename(file, ""));
      await bothFail("EISDIR", (api) => api.rename(file, folder));
      await bothFail("ENOTDIR", (api) => api.rename(folder, file));
      await bothFail("EINVAL", (api) => api.rename(folder, `${folder}/below`));
      await bothFail("ENAMETOOLONG", (api) => api.rename(file, "n".repeat(5000)));
      await bothFail("ERR_INVALID_ARG_TYPE", (api) => api.rename(1 as never, file));
      await bothFail("ERR_INVALID_ARG_TYPE", (api) => api.rename(file, undefined as never));
      await bothFail("ERR_INVALID_ARG_VALUE", (api) => api.rename(file, "a\0b"));
    });

    it("refuses flags that contradict each other", async () => {
      const [one, other] = [dir().file("1"), dir().file("2")];
      await expect(
        ours().rename(one, other, { noReplace: true, exchange: true }),
      ).rejects.toMatchObject({ code: "EINVAL" });
    });
  });

  describe("unlink", () => {
    it("removes a name, and the file with its last one", async () => {
      const path = dir().file("x");
      const other = dir().fresh();
      await ours().link(path, other);
      expect(fs.statSync(path).nlink).toBe(2);
      expect(await ours().unlink(path)).toBeUndefined();
      expect(fs.existsSync(path)).toBe(false);
      expect(text(other)).toBe("x");
    });

    it("fails as node:fs does", async () => {
      const folder = makeDirectory();
      await bothFail("ENOENT", (api) => api.unlink(dir().at("missing")));
      await bothFail("EISDIR", (api) => api.unlink(folder));
      await bothFail("ENOENT", (api) => api.unlink(""));
      await bothFail("ERR_INVALID_ARG_TYPE", (api) => api.unlink(null as never));
    });
  });

  describe("rmdir", () => {
    it("removes an empty directory", async () => {
      const path = makeDirectory();
      await ours().rmdir(path);
      expect(fs.existsSync(path)).toBe(false);
    });

    it("fails as node:fs does", async () => {
      const file = dir().file("x");
      await bothFail("ENOENT", (api) => api.rmdir(dir().at("missing")));
      await bothFail("ENOTDIR", (api) => api.rmdir(file));
      await bothFail("ENOTEMPTY", (api) => api.rmdir(dir().path));
    });
  });

  describe("mkdir", () => {
    it.each([undefined, null, 0o700, "750", { mode: 0o711 }])("with %j", async (options) => {
      const [mine, nodes] = [dir().fresh(), dir().fresh()];
      expect(await ours().mkdir(mine, options)).toBeUndefined();
      await nodeFs.mkdir(nodes, options);
      expect(fs.statSync(mine).mode).toBe(fs.statSync(nodes).mode);
    });

    it("makes what is missing above, with recursive", async () => {
      const [mine, nodes] = [dir().fresh(), dir().fresh()];
      for (const below of ["/a/b/c", "/a/b/c", "/a/x", ""]) {
        const made = await ours().mkdir(mine + below, { recursive: true });
        const made2 = await nodeFs.mkdir(nodes + below, { recursive: true });
        expect(made).toBe(made2?.replace(nodes, mine));
        expect(fs.statSync(mine + below).isDirectory()).toBe(true);
      }
    });

    it("says it as node:fs does of a relative path, with recursive", async () => {
      const path = relative(process.cwd(), `${dir().fresh()}/a/b`);
      const made = await ours().mkdir(path, { recursive: true });
      fs.rmSync(made!, { recursive: true });
      expect(await nodeFs.mkdir(path, { recursive: true })).toBe(made);
    });

    it("makes the same directories many at a time, with recursive", async () => {
      const path = dir().fresh();
      await Promise.all(
        Array.from({ length: 30 }, () => ours().mkdir(`${path}/a/b`, { recursive: true })),
      );
      expect(fs.statSync(`${path}/a/b`).isDirectory()).toBe(true);
    });

    it("fails as node:fs does", async () => {
      const file = dir().file("x");
      await bothFail("EEXIST", (api) => mkdir(api, file));
      await bothFail("EEXIST", (api) => mkdir(api, dir().path));
      await bothFail("ENOENT", (api) => mkdir(api, dir().at("missing/child")));
      await bothFail("ENOTDIR", (api) => mkdir(api, `${file}/child`));
      await bothFail("ERR_INVALID_ARG_VALUE", (api) => mkdir(api, "x", "rwx"));
      await bothFail("ERR_INVALID_ARG_TYPE", (api) => mkdir(api, "x", { recursive: 1 }));
    });

    it("fails with the same error as node:fs, with recursive", async () => {
      const file = dir().file("x");
      const circle = dir().fresh();
      fs.symlinkSync(circle, circle);
      const codes = {
        EEXIST: [file],
        ENOTDIR: [`${file}/`, `${file}/child`],
        ELOOP: [circle, `${circle}/`, `${circle}/child`],
      };
      for (const [code, paths] of Object.entries(codes)) {
        for (const path of paths) {
          await bothFail(code, (api) => mkdir(api, path, { recursive: true }));
        }
      }
    });
  });

  describe("symlink", () => {
    it.each(["target", "../elsewhere/größe", "x".repeat(4000)])("says %s", async (target) => {
      const link = dir().fresh();
      expect(await ours().symlink(target, link)).toBeUndefined();
      expect(fs.readlinkSync(link)).toBe(target);
    });

    it("fails as node:fs does", async () => {
      const file = dir().file("x");
      await bothFail("EEXIST", (api) => api.symlink("target", file));
      await bothFail("ENOENT", (api) => api.symlink("target", dir().at("missing/link")));
      await bothFail("ENOENT", (api) => api.symlink("", dir().at("link")));
      await bothFail("ERR_INVALID_ARG_TYPE", (api) => api.symlink(1 as never, "link"));
      await bothFail("ERR_INVALID_ARG_TYPE", (api) => api.symlink("target", 1 as never));
    });
  });

  describe("link", () => {
    it("gives a file a second name", async () => {
      const [path, other] = [dir().file("x"), dir().fresh()];
      expect(await ours().link(path, other)).toBeUndefined();
      expect(fs.statSync(other).ino).toBe(fs.statSync(path).ino);
    });

    it("fails as node:fs does", async () => {
      const [file, taken, free] = [dir().file("x"), dir().file("y"), dir().fresh()];
      await bothFail("EEXIST", (api) => api.link(file, taken));
      await bothFail("ENOENT", (api) => api.link(dir().at("missing"), free));
      await bothFail("EPERM", (api) => api.link(dir().path, dir().at("link")));
      await expectSameFailure(
        () => ours().link(file, 1 as never),
        () => nodeFs.link(file, 1 as never),
      );
    });
  });
});
