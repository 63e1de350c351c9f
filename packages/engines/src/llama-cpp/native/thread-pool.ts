/** Threads that stay from pass to pass. Without them ggml starts its threads anew in every pass, and waits for their ends. */
import { EngineError } from "../../errors.js";
import type { Pointer } from "./koffi.js";
import { findDifference, poolDefaults } from "./layouts.js";
import type { Llama } from "./library.js";

export class ThreadPool {
  private address: Pointer;

  /** @throws EngineError `missing-engine` where parameters are laid out otherwise; `engine-failed` where no thread starts */
  constructor(
    private readonly llama: Llama,
    count: number,
  ) {
    const { native, pools } = llama;
    const { cpumask, ...parameters } = native.ggml_threadpool_params_default(count);
    const difference = findDifference(parameters, { ...poolDefaults, n_threads: count });
    if (difference !== undefined)
      throw new EngineError(
        "missing-engine",
        `This ggml's pool of threads is laid out otherwise: ${difference}.`,
      );
    // Between passes they sleep; how they wait for one another within one is not up to us.
    this.address = pools?.create({ ...parameters, cpumask, poll: 0 }) ?? null;
    if (pools && this.address === null)
      throw new EngineError("engine-failed", `llama.cpp could not start ${count} threads.`);
  }

  /** Passes of this context compute on these threads from now on, or on as many of them as it says. */
  attachTo(context: Pointer): void {
    if (this.address !== null) this.llama.native.llama_attach_threadpool(context, this.address, null);
  }

  /** After the contexts that it was attached to. */
  free(): void {
    if (this.address !== null) this.llama.pools!.free(this.address);
    this.address = null;
  }
}
