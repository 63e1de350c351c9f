/** Models that llama.cpp computes, in this process. */
import type { Engine } from "@amulet-ts/core";
import { EngineError } from "../errors.js";
import type { OpenEngineOptions } from "../options.js";

export async function openLlamaCppEngine(_options: OpenEngineOptions): Promise<Engine> {
  throw new EngineError(
    "bad-request",
    "This version has no llama.cpp yet: leave the option engine out, or give tfjs.",
  );
}
