/** The script of a page whose model is in a worker; its functions are called by the test. */
import { type GenerateOptions, generate, openEngine, WebError } from "@amulet-ts/web";

const startWorker = () =>
  new (globalThis as unknown as { Worker: WorkerClass }).Worker("/worker.js", { type: "module" });
type WorkerClass = new (url: string, options: object) => Parameters<typeof openEngine>[0]["worker"];

/** Ticks of a 5 ms timer in a second while something went on, and while nothing did. */
async function countTicks(work: () => Promise<void>) {
  let ticks = 0;
  const timer = setInterval(() => ticks++, 5);
  const started = performance.now();
  await work();
  const busy = (1000 * ticks) / (performance.now() - started);
  ticks = 0;
  await new Promise((resolve) => setTimeout(resolve, 1000));
  clearInterval(timer);
  return { busy, idle: ticks };
}

interface Order {
  readonly backend: string;
  readonly model: string;
  readonly asFile?: boolean;
  readonly options: GenerateOptions;
}

/** Opens, answers twice, once to its end and once until it is stopped, and gives everything back. */
async function answerInWorker({ backend, model, asFile, options }: Order) {
  const source = asFile ? await (await fetch(model)).blob() : model;
  let progress = 0;
  const engine = await openEngine({
    worker: startWorker(),
    model: source,
    backend,
    wasmFolder: "wasm/",
    onProgress: ({ done, total }) => {
      progress = done / total;
    },
  });
  const { numTensors } = await engine.memory();
  const ids: number[] = [];
  const rows: number[] = [];
  const opened = await countTicks(async () => {
    for await (const piece of generate(engine.model, options)) {
      if (piece.id !== undefined) ids.push(piece.id);
      if (piece.rows) rows.push(piece.rows.logBase_V.length, piece.rows.logPreference_V.length);
    }
  });
  const code = await stopByTimer(engine.model, options);
  // The worker hears of the stop with its next step.
  const isSettled = async () => (await engine.memory()).numTensors === numTensors;
  for (let i = 0; i < 50 && !(await isSettled()); i++)
    await new Promise((resolve) => setTimeout(resolve, 100));
  const left = (await engine.memory()).numTensors - numTensors;
  const { name, description } = engine.backend;
  await engine.dispose();
  return { ids, rows, progress, ticks: opened, code, left, name, description };
}

async function stopByTimer(
  model: Parameters<typeof generate>[0],
  options: GenerateOptions,
): Promise<unknown> {
  const signal = AbortSignal.timeout(30);
  try {
    for await (const _ of generate(model, {
      ...options,
      maxNewTokens: 400,
      bannedTokens: [...model.endTokens],
      signal,
    }));
    return "it came to its end";
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
}

/** The error that opening ends in. */
async function refuseInWorker(model: string, script = "/worker.js") {
  const Worker = (globalThis as unknown as { Worker: WorkerClass }).Worker;
  const worker = new Worker(script, { type: "module" });
  const error = await openEngine({ worker, model, backend: "wasm", wasmFolder: "wasm/" }).catch(
    (caught: unknown) => caught,
  );
  const { name, code } = error as WebError;
  return { name, code, isOurs: error instanceof WebError };
}

Object.assign(globalThis, { answerInWorker, refuseInWorker });
