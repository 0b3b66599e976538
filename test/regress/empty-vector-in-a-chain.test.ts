/** An empty vector posts nothing, and the chain took its 0 for what it was to come to itself: none of the steps ran. */
import fs from "node:fs";
import { opened } from "ringpost";
import { expect, it } from "vitest";
import { SOON_MS, within } from "../support/deadline.js";
import { describeOnEngineSetups } from "../support/engine-setups.js";
import { useDescriptors } from "../support/open-descriptors.js";
import { useTempDir } from "../support/temp-dir.js";

const dir = useTempDir();
const descriptors = useDescriptors();

describeOnEngineSetups(
  (running) => {
    it("an empty vector is a step that moves nothing", async () => {
      const path = dir().fresh();
      const log = descriptors.open(path, "w+");
      const { client } = running;
      const record = Buffer.from("record");
      const written = client.chain().write(log, record).writev(log, []).fdatasync(log).run();
      expect(await within(SOON_MS, "chain", written)).toEqual([6, 0, undefined]);
      expect(fs.readFileSync(path, "utf8")).toBe("record");
      const read = client.chain().open(path).readv(opened, []).read(opened, record).run();
      expect(await within(SOON_MS, "chain", read)).toEqual([undefined, 0, 6]);
      const alone = client.chain().readv(log, []).settle();
      expect(await within(SOON_MS, "chain", alone)).toEqual({
        results: [{ status: "fulfilled", value: 0 }],
        brokenAt: undefined,
      });
    });
  },
  { credits: 4 },
);
