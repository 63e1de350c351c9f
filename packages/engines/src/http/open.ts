/** Models of a server that gives log-probabilities. */
import type { Engine } from "@amulet-ts/core";
import { EngineError } from "../errors.js";
import type { OpenEngineOptions } from "../options.js";

export async function openHttpEngine({ engine }: OpenEngineOptions): Promise<Engine> {
  throw new EngineError(
    "bad-request",
    `This version speaks to no server yet, not to ${engine}: leave the option engine out, or give tfjs.`,
  );
}
