/** Between two pieces of work that is never waited for. */
import { throwIfAborted, yieldToHost } from "@amulet-ts/core";

/** The host has its turn, and an abort is heard. @throws CoreError `aborted` */
export type Pause = () => Promise<void>;

export function pauseUntil(signal?: AbortSignal): Pause {
  return async () => {
    await yieldToHost();
    throwIfAborted(signal, "Training");
  };
}
