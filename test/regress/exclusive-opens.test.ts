/** An open with O_EXCL in a chain found the file that it had made itself, where the ring's own table of descriptors was full. */
import fs from "node:fs";
import { type Client, opened } from "ringpost";
import { expect, it } from "vitest";
import { SOON_MS, within } from "../support/deadline.js";
import { countDescriptors } from "../support/open-descriptors.js";
import { useTempDir } from "../support/temp-dir.js";
import { withEngine } from "../support/with-engine.js";

const dir = useTempDir();

const TABLE_SIZE = 1024;
const BEYOND = 76;

/** Chains that make a file each, all of them open at a time; so many must be in the process's table. */
async function makeFiles(client: Client): Promise<void> {
  const count = TABLE_SIZE + BEYOND;
  const folder = dir().fresh();
  fs.mkdirSync(folder);
  const [readFd, writeFd] = await client.pipe();
  const chains = Array.from({ length: count }, (_, nth) => {
    const chain = client.chain().open(`${folder}/${nth}`, "wx").read(readFd, Buffer.alloc(1));
    return (nth % 2 === 0 ? chain.close(opened) : chain).run();
  });
  const open = expect
    .poll(() => [fs.readdirSync(folder).length, countDescriptors(folder)], { timeout: SOON_MS })
    .toEqual([count, BEYOND]);
  await Promise.race([open, Promise.all(chains)]);
  await client.write(writeFd, Buffer.alloc(count));
  await within(SOON_MS, "the chains", Promise.all(chains));
  await Promise.all([client.close(readFd), client.close(writeFd)]);
}

it("chains may have more files open than the ring's table has places, all of them new", async () => {
  await withEngine({ credits: 4096, maxClients: 2 }, async ({ client }) => {
    const missing = Array.from({ length: TABLE_SIZE }, () =>
      client.chain().open(`${dir().fresh()}/missing`, "wx").settle(),
    );
    await within(SOON_MS, "the missing ones", Promise.all(missing));
    // Each time the table has its places again, whatever came of those that had them.
    await makeFiles(client);
    await makeFiles(client);
  });
});
