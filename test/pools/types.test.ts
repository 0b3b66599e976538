// That the options keep their types on their way through withEngine is for tsc to say (npm run typecheck).
import { Piscina } from "piscina";
import type { Client, Engine, EngineHandle } from "ringpost";
import { type PoolWorkerData, withEngine, type workerClient } from "ringpost/piscina";
import { Tinypool } from "tinypool";
import { expectTypeOf, it } from "vitest";

type PiscinaOptions = NonNullable<ConstructorParameters<typeof Piscina>[0]>;
type TinypoolOptions = NonNullable<ConstructorParameters<typeof Tinypool>[0]>;

it("options of either pool come out as they went in, with the handle", () => {
  expectTypeOf<typeof workerClient>().toEqualTypeOf<() => Promise<Client>>();
  expectTypeOf(withEngine<PiscinaOptions>).returns.toExtend<PiscinaOptions>();
  expectTypeOf(withEngine<TinypoolOptions>).returns.toExtend<TinypoolOptions>();
  expectTypeOf(withEngine<{ filename: string; workerData: { a: number } }>).returns.toExtend<{
    filename: string;
    workerData: { a: number } & PoolWorkerData;
  }>();
});

/** Never called: whether it compiles is the test. */
export function compiles(
  engine: Engine,
  handle: EngineHandle,
  piscina: PiscinaOptions,
  tinypool: TinypoolOptions,
) {
  const filename = "/task.js";
  const minimal = new Piscina(withEngine(engine, { filename }));
  const generic = new Piscina<string, number>(
    withEngine(handle, { filename, atomics: "async", maxQueue: "auto" }),
  );
  new Piscina(withEngine(engine, piscina));
  new Tinypool(withEngine(engine, { filename: new URL("file:///task.js"), isolateWorkers: true }));
  new Tinypool(withEngine(handle, { filename, runtime: "worker_threads" }));
  new Tinypool(withEngine(engine, tinypool));
  withEngine(engine, {});

  // @ts-expect-error an engine is a must
  withEngine({ filename });
  // @ts-expect-error a client is none
  withEngine(engine.client, { filename });
  // @ts-expect-error a number is wanted, here already
  withEngine(engine, { filename, maxThreads: "4" });
  // @ts-expect-error and here by the pool
  new Piscina(withEngine(engine, { filename, idleTimeout: "4" }));
  // @ts-expect-error tinypool's alone
  new Piscina(withEngine(engine, { filename: new URL("file:///task.js") }));
  return { minimal, generic };
}
