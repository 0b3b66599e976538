import { Engine, type EngineOptions } from "ringpost";

/** An engine for one use, which is closed whatever comes of that. */
export async function withEngine<T>(
  options: EngineOptions,
  use: (engine: Engine) => T | Promise<T>,
): Promise<T> {
  const engine = await Engine.start(options);
  try {
    return await use(engine);
  } finally {
    await engine.close();
  }
}
