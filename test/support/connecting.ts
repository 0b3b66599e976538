/** Connecting where the last seat may just have been given back: the engine needs a moment to free it. */
import { type Client, connect, type Engine } from "ringpost";
import { SOON_MS } from "./deadline.js";

export async function onceThereIsASeat<T>(take: () => T | Promise<T>): Promise<T> {
  for (const deadline = Date.now() + SOON_MS; ; ) {
    try {
      return await take();
    } catch (error) {
      if ((error as { code?: string }).code !== "EAGAIN" || Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
}

export function connectSoon(engine: Engine): Promise<Client> {
  return onceThereIsASeat(() => connect(engine.handle()));
}
