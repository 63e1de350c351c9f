/** llama.cpp's own server: `/completion` with `n_probs`, up to the whole vocabulary; no tokens by name. */
import type { TokenRow } from "@amulet-ts/core";
import * as v from "valibot";
import type { HttpClient } from "../client.js";
import {
  type AskOptions,
  byId,
  type InferenceServer,
  inOrderOfRows,
  type LogProbabilitiesById,
  logProbability,
  mostBytesFor,
  readAnswer,
  tokenId,
} from "./server.js";

const listing = v.object({
  meta: v.optional(
    v.object({ n_vocab: tokenId, n_ctx: v.optional(tokenId), n_params: v.optional(v.number()) }),
  ),
});

const properties = v.object({
  default_generation_settings: v.optional(v.object({ n_ctx: v.optional(tokenId) })),
  total_slots: v.optional(tokenId),
  model_path: v.optional(v.string()),
  build_info: v.optional(v.string()),
});

const completion = v.object({
  index: v.optional(tokenId, 0),
  completion_probabilities: v.pipe(
    v.array(v.object({ top_logprobs: v.array(v.object({ id: tokenId, logprob: logProbability })) })),
    v.minLength(1),
  ),
});

const tokens = v.object({
  tokens: v.array(
    v.union([
      tokenId,
      v.pipe(
        v.object({ id: tokenId }),
        v.transform(({ id }) => id),
      ),
    ]),
  ),
});

export async function openLlamaServer(
  client: HttpClient,
  modelName: string,
  listed: unknown,
  options: AskOptions,
): Promise<InferenceServer> {
  const { meta } = readAnswer(listing, listed, "/v1/models");
  const props = readAnswer(properties, await client.get("/props", options), "/props");
  return new LlamaServer(client, modelName, meta, props);
}

class LlamaServer implements InferenceServer {
  readonly kind = "llama-server";
  readonly usualCandidates = 128;
  readonly version: string;
  readonly mostCandidates: number;
  readonly notes: readonly string[];
  readonly contextLength?: number;
  readonly vocabularySize?: number;
  readonly parameterCount?: number;
  readonly modelPath?: string;

  constructor(
    private readonly client: HttpClient,
    readonly modelName: string,
    meta: v.InferOutput<typeof listing>["meta"],
    props: v.InferOutput<typeof properties>,
  ) {
    const contextLength = props.default_generation_settings?.n_ctx ?? meta?.n_ctx;
    this.version = props.build_info ?? "of an unnamed build";
    this.mostCandidates = meta?.n_vocab ?? 2 ** 20;
    this.notes = notesOn(props.total_slots);
    if (contextLength !== undefined) this.contextLength = contextLength;
    if (meta) this.vocabularySize = meta.n_vocab;
    if (meta?.n_params !== undefined) this.parameterCount = meta.n_params;
    if (props.model_path !== undefined) this.modelPath = props.model_path;
  }

  async readBest(
    rows: readonly TokenRow[],
    candidates: number,
    { signal }: AskOptions,
  ): Promise<LogProbabilitiesById[]> {
    const body = {
      prompt: rows,
      n_predict: 1,
      n_probs: candidates,
      // Greedy: the probabilities are the model's own, before any sampler.
      temperature: -1,
      cache_prompt: true,
      stream: false,
    };
    const answer = await this.client.post("/completion", body, {
      signal,
      mostBytes: mostBytesFor(rows.length, candidates),
    });
    // An answer to one prompt is an object, to several a list.
    const found = readAnswer(v.array(completion), [answer].flat(), "/completion");
    return inOrderOfRows(found, rows.length, "/completion").map(({ completion_probabilities: [next] }) =>
      byId(next!.top_logprobs.map(({ id, logprob }) => [id, logprob])),
    );
  }

  async tokenize(text: string, { signal }: AskOptions): Promise<readonly number[]> {
    const body = { content: text, add_special: false, parse_special: true };
    return readAnswer(tokens, await this.client.post("/tokenize", body, { signal }), "/tokenize").tokens;
  }
}

/** A slot holds one row's cache. */
function notesOn(slots: number | undefined): string[] {
  if (slots === undefined || slots > 1) return [];
  return [
    "The server has one slot, so base and preference prompt are read anew for every token: start it with --parallel 2.",
  ];
}
