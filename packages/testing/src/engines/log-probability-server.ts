/** A server that tells log-probabilities, in the protocols of three, over a model that is a function of its row; with faults. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { NextLogits } from "../models/toy-model.js";

export type ServerKind = "llamacpp" | "vllm" | "sglang";

/** What goes wrong with one request for log-probabilities. */
export interface ServerFault {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  /** The connection is destroyed after so many bytes of the body. */
  readonly cutAfter?: number;
  /** Nothing more comes after so many bytes of the body. */
  readonly silentAfter?: number;
  /** Changes the answer before it is sent. */
  readonly change?: (answer: unknown) => unknown;
  /** Sent in the answer's place. */
  readonly body?: string;
}

export interface ServerSetup {
  readonly next: NextLogits;
  readonly vocabularySize: number;
  /** vLLM's `--max-logprobs`. */
  readonly mostLogprobs?: number;
  /** Whether vLLM knows `logprob_token_ids`. */
  readonly names?: boolean;
  readonly tokenize?: (text: string) => readonly number[];
  readonly key?: string;
  /** What the list of models says of who owns it. */
  readonly owner?: string;
  readonly modelPath?: string;
}

export class LogProbabilityServer {
  /** Taken one by one by requests for log-probabilities. */
  readonly faults: ServerFault[] = [];
  /** Bodies of those requests. */
  readonly asked: Record<string, unknown>[] = [];
  private readonly server: Server;

  constructor(
    private readonly kind: ServerKind,
    private readonly setup: ServerSetup,
  ) {
    this.server = createServer((request, response) => void this.serve(request, response));
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/v1`;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString("utf8");
    const { key } = this.setup;
    if (key !== undefined && request.headers.authorization !== `Bearer ${key}`)
      return send(response, { error: { message: "no such key" } }, { status: 401 });
    const path = request.url!;
    if (request.method === "GET") return this.tell(path, response);
    const body = JSON.parse(text) as Record<string, unknown>;
    if (path === "/tokenize") {
      const tokens = this.setup.tokenize?.(String(body.content ?? body.prompt));
      return tokens ? send(response, { tokens }) : send(response, {}, { status: 404 });
    }
    if (path !== { llamacpp: "/completion", vllm: "/v1/completions", sglang: "/generate" }[this.kind])
      return send(response, {}, { status: 404 });
    this.asked.push(body);
    const fault = this.faults.shift() ?? {};
    const refusal = this.refusal(body);
    if (refusal) return send(response, { message: refusal }, { status: 400 });
    send(response, this.answer(body), fault);
  }

  private tell(path: string, response: ServerResponse): void {
    const { vocabularySize, modelPath = "/nowhere/toy", owner = this.kind } = this.setup;
    const model = { id: "toy", owned_by: owner, max_model_len: 500, root: modelPath };
    const pages: Record<string, unknown> = {
      "/v1/models": {
        data: [{ ...model, ...(this.kind === "llamacpp" && { meta: { n_vocab: vocabularySize } }) }],
      },
      ...(this.kind === "llamacpp" && {
        "/props": { default_generation_settings: { n_ctx: 500 }, total_slots: 2, model_path: modelPath },
      }),
      ...(this.kind === "vllm" && { "/version": { version: "0.20.0" } }),
      ...(this.kind === "sglang" && {
        "/get_model_info": { model_path: modelPath },
        "/get_server_info": { version: "0.6.0", context_length: 500 },
      }),
    };
    const page = pages[path];
    send(response, page ?? {}, page ? {} : { status: 404 });
  }

  private refusal({ logprobs }: Record<string, unknown>): string | undefined {
    const { mostLogprobs = 20 } = this.setup;
    if (this.kind !== "vllm" || Number(logprobs ?? 0) <= mostLogprobs) return undefined;
    return `Requested sample logprobs of ${logprobs}, which is greater than max allowed: ${mostLogprobs}`;
  }

  private answer(body: Record<string, unknown>): unknown {
    const rows = (body.prompt ?? body.input_ids) as number[][];
    const { names = true } = this.setup;
    const logs = rows.map((row) => logSoftmax(this.setup.next(row)));
    if (this.kind === "llamacpp") {
      const all = logs.map((log, index) => ({
        index,
        completion_probabilities: [
          {
            top_logprobs: best(log, Number(body.n_probs)).map((id) => ({ id, logprob: log[id], token: "?" })),
          },
        ],
      }));
      return all.length === 1 ? all[0] : all.reverse();
    }
    if (this.kind === "vllm") {
      const named = names ? (body.logprob_token_ids as number[] | undefined) : undefined;
      return {
        choices: logs.map((log, index) => ({
          index,
          logprobs: {
            top_logprobs: [
              // The token that was drawn is told beside those that were named.
              Object.fromEntries(
                [...(named ?? []), ...best(log, named ? 1 : Number(body.logprobs))].map((id) => [
                  `token_id:${id}`,
                  log[id],
                ]),
              ),
            ],
          },
        })),
      };
    }
    const ids = body.token_ids_logprob as number[][] | undefined;
    const told = (log: number[], tokens: readonly number[]) => [tokens.map((id) => [log[id], id, null])];
    return logs.map((log, r) => ({
      meta_info: {
        output_top_logprobs: told(log, best(log, Number(body.top_logprobs_num ?? 0))),
        ...(ids && { output_token_ids_logprobs: told(log, ids[r]!) }),
      },
    }));
  }
}

function send(response: ServerResponse, answer: unknown, fault: ServerFault = {}): void {
  const { status = 200, headers = {}, cutAfter, silentAfter, change, body } = fault;
  const text = body ?? JSON.stringify(change ? change(answer) : answer);
  response.writeHead(status, { "content-type": "application/json", ...headers });
  if (cutAfter !== undefined) response.write(text.slice(0, cutAfter), () => response.destroy());
  else if (silentAfter !== undefined) response.write(text.slice(0, silentAfter));
  else response.end(text);
}

function logSoftmax(logits: readonly number[]): number[] {
  const most = Math.max(...logits);
  const logZ = most + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - most), 0));
  return logits.map((logit) => logit - logZ);
}

function best(row: readonly number[], count: number): number[] {
  return row
    .map((_, id) => id)
    .sort((a, b) => row[b]! - row[a]!)
    .slice(0, count);
}
