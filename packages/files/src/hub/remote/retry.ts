import type { FilesError } from "../../errors.js";
import type { HubSettings } from "../settings.js";

/** A failure that another attempt may mend. It never leaves the hub client: {@link retry} throws its `reason`. */
export class TransientFailure extends Error {
  readonly reason: FilesError;
  /** What the server asked us to wait, in milliseconds. */
  readonly retryAfter: number | undefined;

  constructor(reason: FilesError, retryAfter?: number) {
    super(reason.message, { cause: reason });
    this.reason = reason;
    this.retryAfter = retryAfter;
  }
}

const attempts = 6;
/** A host that cannot be reached at all is most often a machine without a network: say so soon. */
const unreachableAttempts = 2;
const firstPause = 500;
const mostPause = 120_000;

export interface RetryOptions {
  /** Keep trying as long when the host cannot be reached: it answered a moment ago. */
  readonly patient?: boolean;
  /** Longer than the server may ask us to wait, in milliseconds; it then refused. */
  readonly longestPause?: number;
  /** Grows while the work advances; attempts are counted anew after each MiB. */
  readonly advanced?: () => number;
}

const mebibyte = 2 ** 20;

/** Runs `attempt` until it succeeds, with doubling pauses after each {@link TransientFailure}. */
export async function retry<T>(
  settings: Pick<HubSettings, "wait" | "signal">,
  attempt: () => Promise<T>,
  { patient = false, advanced = () => 0, longestPause = mostPause }: RetryOptions = {},
): Promise<T> {
  let failures = 0;
  let mark = advanced();
  for (;;) {
    settings.signal?.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      settings.signal?.throwIfAborted();
      if (!(error instanceof TransientFailure)) throw error;
      if (advanced() >= mark + mebibyte) [failures, mark] = [0, advanced()];
      failures += 1;
      const pause = error.retryAfter ?? firstPause * 2 ** (failures - 1);
      const allowed = patient || error.reason.code !== "offline" ? attempts : unreachableAttempts;
      if (failures >= allowed || pause > longestPause) throw error.reason;
      await settings.wait(pause, settings.signal);
    }
  }
}
