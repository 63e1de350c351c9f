import { FilesError } from "../../errors.js";
import { readBounded } from "../../places/read-bounded.js";
import type { HubSettings } from "../settings.js";
import type { Subject } from "./refusal.js";
import { type RequestInitial, request, unreachable } from "./request.js";
import { retry, TransientFailure } from "./retry.js";
import { Watch } from "./watch.js";

/** Many times what the hub says of the largest repository. */
const mostBytes = 64 * 2 ** 20;
/** Asking about a model takes a few answers; all of them together may take so many times as long as one. */
const answersInTime = 6;

/**
 * Questions about one model, bounded in time and size: each answer has a deadline, and all together have one and a
 * length. A hub that is silent, sends a byte a second or never ends costs no more.
 */
export class Questions {
  private readonly settings: HubSettings;
  private readonly until: number;
  private bytesLeft = mostBytes;

  constructor(settings: HubSettings) {
    this.settings = settings;
    this.until = performance.now() + answersInTime * settings.metadataMilliseconds;
  }

  /**
   * One answer, read whole before its deadline. A server that missed it is not asked again: whoever waits may have the
   * model in the cache, or wants to know.
   *
   * @throws FilesError `offline`, `hub`, and what `read` throws
   */
  ask<T>(
    url: string,
    subject: Subject,
    initial: RequestInitial,
    read: (response: Response, signal: AbortSignal) => T | Promise<T>,
  ): Promise<T> {
    const settings = this.settings;
    const answer = async () => {
      const left = Math.max(0, this.until - performance.now());
      const one = settings.metadataMilliseconds;
      const watch =
        left < one
          ? new Watch(left, `no whole answer within ${seconds(answersInTime * one)}, over several questions`)
          : new Watch(one, `no whole answer within ${seconds(one)}`);
      try {
        const { signal } = watch;
        return await read(await request(settings, url, subject, { ...initial, signal }), signal);
      } catch (error) {
        if (!watch.signal.aborted || !(error instanceof TransientFailure)) throw error;
        // The first releases of Node 20 end a body with an error of their own.
        throw unreachable(new URL(url), watch.signal.reason);
      } finally {
        watch.stop();
      }
    };
    return retry(settings, answer, { longestPause: settings.metadataMilliseconds });
  }

  /** The text of an answer. @throws FilesError `hub` for more than can be true, TransientFailure where it breaks off */
  async text(response: Response, url: string, signal: AbortSignal): Promise<string> {
    let read = "";
    try {
      read = await readBounded(response, this.bytesLeft, () => endless(url), [signal, this.settings.signal]);
    } catch (error) {
      if (error instanceof FilesError) throw error;
      this.settings.signal?.throwIfAborted();
      throw new TransientFailure(unreachable(new URL(url), error));
    }
    this.bytesLeft -= read.length;
    return read;
  }
}

function seconds(milliseconds: number): string {
  return `${milliseconds / 1000} seconds`;
}

function endless(url: string): FilesError {
  return new FilesError(
    "hub",
    `${url} answers with more than ${mostBytes / 2 ** 20} MiB, which no description of a model has. Check HF_ENDPOINT.`,
  );
}
