/** The two ways to files that are compared, behind one interface. */
import { open, readFile, writeFile } from "node:fs/promises";
import { Engine } from "ringpost";

export interface OpenFile {
  /** Returns how many bytes. */
  read(buffer: Buffer, position: number): Promise<number>;
  write(bytes: Buffer, position: number): Promise<number>;
  close(): Promise<void>;
}

export interface FileAccess {
  readFile(path: string): Promise<Buffer>;
  writeFile(path: string, data: Buffer, mode: number): Promise<void>;
  open(path: string, flags: "r" | "w", mode?: number): Promise<OpenFile>;
  close(): Promise<void>;
}

export type Way = "ringpost" | "node:fs/promises";

export const ways: Readonly<Record<Way, () => Promise<FileAccess>>> = {
  ringpost: throughRingpost,
  "node:fs/promises": throughNode,
};

async function throughRingpost(): Promise<FileAccess> {
  const engine = await Engine.start();
  const { client } = engine;
  return {
    readFile: (path) => client.readFile(path),
    writeFile: (path, data, mode) => client.writeFile(path, data, { mode }),
    async open(path, flags, mode) {
      const fd = await client.open(path, flags, mode);
      return {
        read: (buffer, position) => client.read(fd, buffer, position),
        write: (bytes, position) => client.write(fd, bytes, position),
        close: () => client.close(fd),
      };
    },
    close: () => engine.close(),
  };
}

async function throughNode(): Promise<FileAccess> {
  return {
    readFile: (path) => readFile(path),
    writeFile: (path, data, mode) => writeFile(path, data, { mode }),
    async open(path, flags, mode) {
      const handle = await open(path, flags, mode);
      return {
        read: async (buffer, position) =>
          (await handle.read(buffer, 0, buffer.length, position)).bytesRead,
        write: async (bytes, position) =>
          (await handle.write(bytes, 0, bytes.length, position)).bytesWritten,
        close: () => handle.close(),
      };
    },
    close: async () => undefined,
  };
}
