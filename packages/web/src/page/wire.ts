/** The page's end of the wire: numbers its calls, hands each what comes for it. */
import { CoreError, type PrefillProgress } from "@amulet-ts/core";
import { WebError } from "../errors.js";
import { unpackError } from "../protocol/error-transfer.js";
import type { AnswerChange, FromWorker, OperationName, Operations, ToWorker } from "../protocol/messages.js";

/** A web worker, or one of Node's `worker_threads`, as far as it is used. */
export interface WorkerLike {
  postMessage(message: unknown): void;
  terminate(): unknown;
  /** Of a web worker. */
  addEventListener?: {
    (type: "message", listener: (event: { readonly data: FromWorker }) => void): void;
    (type: "error", listener: (event: { readonly message?: string }) => void): void;
    (type: "messageerror", listener: () => void): void;
  };
  /** Of Node's. */
  on?: {
    (event: "message", listener: (message: FromWorker) => void): unknown;
    (event: "error" | "messageerror", listener: (error: Error) => void): unknown;
    (event: "exit", listener: (status: number) => void): unknown;
  };
}

/** Whoever waits for what comes of a call. */
export interface Listener {
  onPiece?(piece: unknown): void;
  onProgress?(progress: PrefillProgress): void;
  onEnd(value: unknown): void;
  onError(error: Error): void;
}

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: PrefillProgress) => void) | undefined;
}

export class Wire {
  private calls = 0;
  private readonly listeners = new Map<number, Listener>();
  /** Why nothing can be asked any more. */
  private ended: Error | undefined;

  constructor(private readonly worker: WorkerLike) {
    const take = (message: FromWorker) => this.take(message);
    const fail = (why: string) => this.end(new WebError("worker-failed", `The worker failed: ${why}`));
    const failUnread = () => fail("a message of it could not be read.");
    if (worker.addEventListener) {
      worker.addEventListener("message", ({ data }) => take(data));
      worker.addEventListener("error", ({ message }) =>
        fail(message ?? "its script was not found, or is not to be loaded from there."),
      );
      worker.addEventListener("messageerror", failUnread);
    } else if (worker.on) {
      worker.on("message", take);
      worker.on("error", (error: Error) => fail(error.message));
      worker.on("messageerror", failUnread);
      worker.on("exit", (status: number) => fail(`it ended with status ${status}.`));
    }
  }

  /** Asks for something that comes at once. */
  ask<Name extends OperationName>(
    name: Name,
    order: Operations[Name]["order"],
    { signal, onProgress }: CallOptions = {},
  ): Promise<Operations[Name]["value"]> {
    return new Promise((resolve, reject) => {
      this.begin(name, order, signal, {
        ...(onProgress && { onProgress }),
        onEnd: (value) => resolve(value as Operations[Name]["value"]),
        onError: reject,
      });
    });
  }

  /** @returns the call's number; what comes of it goes to the listener, one end or error last */
  begin(name: OperationName, order: unknown, signal: AbortSignal | undefined, listener: Listener): number {
    const call = this.calls++;
    if (this.ended || signal?.aborted) {
      listener.onError(this.ended ?? aborted(signal!));
      return call;
    }
    const stop = () => this.leave(call, aborted(signal!));
    signal?.addEventListener("abort", stop, { once: true });
    const settled =
      <T>(tell: (value: T) => void) =>
      (value: T) => {
        signal?.removeEventListener("abort", stop);
        tell(value);
      };
    this.listeners.set(call, {
      ...listener,
      onEnd: settled(listener.onEnd),
      onError: settled(listener.onError),
    });
    try {
      this.send({ type: "call", call, name, order });
    } catch (cause) {
      this.refuse(call, cause);
    }
    return call;
  }

  change(call: number, change: AnswerChange, index?: number): void {
    if (this.listeners.has(call))
      this.send({ type: "change", call, change, ...(index !== undefined && { index }) });
  }

  /** Lets a call go: the worker gives it up with its next step, and nothing more is heard of it. */
  leave(call: number, error: Error): void {
    const listener = this.listeners.get(call);
    if (!listener) return;
    this.listeners.delete(call);
    this.send({ type: "abort", call });
    listener.onError(error);
  }

  /** Ends the worker; what is under way ends with the error. */
  end(error: Error): void {
    if (this.ended) return;
    this.ended = error;
    const listeners = [...this.listeners.values()];
    this.listeners.clear();
    this.worker.terminate();
    for (const listener of listeners) listener.onError(error);
  }

  private send(message: ToWorker): void {
    this.worker.postMessage(message);
  }

  /** Functions and the like can't be sent. */
  private refuse(call: number, cause: unknown): void {
    const listener = this.listeners.get(call)!;
    this.listeners.delete(call);
    const why = `What is asked for can't be sent to a worker (${(cause as Error).message}): give data, no functions.`;
    listener.onError(new WebError("bad-request", why, { cause }));
  }

  private take(message: FromWorker): void {
    const listener = this.listeners.get(message.call);
    if (!listener) return;
    if (message.type === "piece" || message.type === "progress") {
      this.tell(message, listener);
      return;
    }
    this.listeners.delete(message.call);
    if (message.type === "end") listener.onEnd(message.value);
    else listener.onError(unpackError(message.error));
  }

  /** What a caller's function throws ends the call, as it does where the model is. */
  private tell(message: FromWorker & { readonly type: "piece" | "progress" }, listener: Listener): void {
    try {
      if (message.type === "piece") listener.onPiece?.(message.value);
      else listener.onProgress?.(message.value);
    } catch (error) {
      this.leave(message.call, error as Error);
    }
  }
}

function aborted({ reason }: AbortSignal): CoreError {
  return new CoreError("aborted", "The call was interrupted.", { cause: reason });
}
