/** vLLM: `/v1/completions` with `logprobs` up to its `--max-logprobs`, and by name up to 128 where its version can. */
import type { TokenRow } from "@amulet-ts/core";
import * as v from "valibot";
import { type HttpClient, RefusedRequest } from "../client.js";
import {
  type AskOptions,
  badAnswer,
  byId,
  type InferenceServer,
  inOrderOfRows,
  type LogProbabilitiesById,
  logProbability,
  mostBytesFor,
  readAnswer,
  tokenId,
  tokenized,
} from "./server.js";

const listing = v.object({ max_model_len: v.optional(tokenId), root: v.optional(v.string()) });

const completions = v.object({
  choices: v.array(
    v.object({
      index: tokenId,
      logprobs: v.object({
        top_logprobs: v.pipe(v.array(v.record(v.string(), logProbability)), v.minLength(1)),
      }),
    }),
  ),
});

const version = v.object({ version: v.string() });

/** vLLM's own limit of tokens by name. */
const mostNamed = 128;

export async function openVllm(
  client: HttpClient,
  modelName: string,
  listed: unknown,
  options: AskOptions,
): Promise<InferenceServer> {
  const { max_model_len, root } = readAnswer(listing, listed, "/v1/models");
  const told = v.safeParse(version, await client.get("/version", options).catch(() => undefined));
  return new Vllm(client, modelName, {
    version: told.success ? told.output.version : "of an unnamed version",
    ...(max_model_len !== undefined && { contextLength: max_model_len }),
    ...(root !== undefined && { modelPath: root }),
  });
}

class Vllm implements InferenceServer {
  readonly kind = "vLLM";
  readonly version: string;
  readonly notes = [];
  /** What a server tells that was started without `--max-logprobs`. */
  readonly usualCandidates = 20;
  mostCandidates = 2 ** 20;
  readonly contextLength?: number;
  readonly modelPath?: string;
  private canName = true;

  constructor(
    private readonly client: HttpClient,
    readonly modelName: string,
    facts: { readonly version: string; readonly contextLength?: number; readonly modelPath?: string },
  ) {
    this.version = facts.version;
    if (facts.contextLength !== undefined) this.contextLength = facts.contextLength;
    if (facts.modelPath !== undefined) this.modelPath = facts.modelPath;
  }

  async readBest(
    rows: readonly TokenRow[],
    candidates: number,
    options: AskOptions,
  ): Promise<LogProbabilitiesById[]> {
    try {
      return await this.complete(rows, { logprobs: candidates }, candidates, options);
    } catch (error) {
      if (!isTooMany(error)) throw error;
      // Past `--max-logprobs`, which the refusal names.
      const named = /max allowed: (\d+)/.exec((error as Error).message)?.[1];
      const most = named === undefined ? this.usualCandidates : Number(named);
      if (most < 1 || most >= candidates) throw error;
      this.mostCandidates = most;
      return this.readBest(rows, this.mostCandidates, options);
    }
  }

  async readNamed(
    rows: readonly TokenRow[],
    ids: readonly (readonly number[])[],
    options: AskOptions,
  ): Promise<LogProbabilitiesById[]> {
    return Promise.all(rows.map((row, r) => this.readNamedOf(row, ids[r]!, options)));
  }

  async tokenize(text: string, { signal }: AskOptions): Promise<readonly number[] | undefined> {
    const body = { model: this.modelName, prompt: text, add_special_tokens: false };
    return readAnswer(tokenized, await this.client.post("/tokenize", body, { signal }), "/tokenize").tokens;
  }

  private async readNamedOf(
    row: TokenRow,
    ids: readonly number[],
    options: AskOptions,
  ): Promise<LogProbabilitiesById> {
    const found = new Map<number, number>();
    for (let from = 0; this.canName && from < ids.length; from += mostNamed) {
      const part = ids.slice(from, from + mostNamed);
      const [told] = await this.complete(
        [row],
        { logprob_token_ids: part, logprobs: 1 },
        part.length,
        options,
      ).catch((error) => {
        if (error instanceof RefusedRequest && error.status === 400) return [undefined];
        throw error;
      });
      // An older version passes the field over.
      if (!told || (part.length > 2 && part.every((id) => !told.has(id)))) this.canName = false;
      else for (const id of part) if (told.has(id)) found.set(id, told.get(id)!);
    }
    return found;
  }

  private async complete(
    rows: readonly TokenRow[],
    asked: object,
    count: number,
    { signal }: AskOptions,
  ): Promise<LogProbabilitiesById[]> {
    const body = {
      model: this.modelName,
      prompt: rows,
      max_tokens: 1,
      temperature: 0,
      return_tokens_as_token_ids: true,
      ...asked,
    };
    const answer = await this.client.post("/v1/completions", body, {
      signal,
      mostBytes: mostBytesFor(rows.length, count),
    });
    const { choices } = readAnswer(completions, answer, "/v1/completions");
    return inOrderOfRows(choices, rows.length, "/v1/completions").map(({ logprobs }) =>
      byId(Object.entries(logprobs.top_logprobs[0]!).map(([token, log]) => [idOf(token), log])),
    );
  }
}

function isTooMany(error: unknown): boolean {
  return error instanceof RefusedRequest && error.status === 400 && /logprobs/i.test(error.message);
}

/** `token_id:123`, as vLLM writes a token where it is asked to. */
function idOf(token: string): number {
  const [, digits] = /^token_id:(\d+)$/.exec(token) ?? [];
  if (digits !== undefined) return Number(digits);
  throw badAnswer(
    "/v1/completions",
    `a token must be written as token_id:NUMBER; it is ${JSON.stringify(token.slice(0, 40))}`,
  );
}
