/** The tests of fsync and of fdatasync: what a caller sees of both is the same. */
import fs from "node:fs";
import { expect, it } from "vitest";
import { describeOnEngineSetups } from "./engine-setups.js";
import { expectNodesFailure } from "./failures.js";
import { nodeByDescriptor } from "./node-by-descriptor.js";
import { useDescriptors } from "./open-descriptors.js";
import { useTempDir } from "./temp-dir.js";

export function testSyncOperation(operation: "fsync" | "fdatasync"): void {
  const dir = useTempDir();
  const descriptors = useDescriptors();
  const nodes = nodeByDescriptor[operation];

  describeOnEngineSetups((running) => {
    it("resolves to nothing when the file is on the device", async () => {
      const path = dir().fresh();
      const fd = descriptors.open(path, "w");
      fs.writeSync(fd, "to be kept");
      expect(await running.client[operation](fd)).toBeUndefined();
      expect(fs.readFileSync(path, "utf8")).toBe("to be kept");
    });

    it("takes a descriptor that is open for reading only, and a directory", async () => {
      await running.client[operation](descriptors.open(dir().file("x")));
      await running.client[operation](descriptors.open(dir().path));
    });

    it("runs many at a time", async () => {
      const fds = Array.from({ length: 20 }, () => descriptors.open(dir().fresh(), "w"));
      await Promise.all(fds.map((fd) => running.client[operation](fd)));
    });

    const both = (code: string, fd: number) =>
      expectNodesFailure(
        code,
        () => running.client[operation](fd),
        () => nodes(fd),
      );

    it("fails as node:fs does: EBADF, of what is not open", () => both("EBADF", 0x7fff_ffff));
    it("fails as node:fs does: EINVAL, of what has no device", () =>
      both("EINVAL", descriptors.open("/dev/null")));
  });
}
