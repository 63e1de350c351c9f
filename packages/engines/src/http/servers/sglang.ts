/** SGLang's native `/generate`: any number of best tokens, and any tokens by name, for each row its own. */
import type { TokenRow } from "@amulet-ts/core";
import * as v from "valibot";
import { type HttpClient, RefusedRequest } from "../client.js";
import {
  type AskOptions,
  badAnswer,
  byId,
  type InferenceServer,
  type LogProbabilitiesById,
  logProbability,
  mostBytesFor,
  readAnswer,
  tokenId,
  tokenized,
} from "./server.js";

const listing = v.object({ max_model_len: v.nullish(tokenId) });
const modelInfo = v.object({ model_path: v.optional(v.string()), tokenizer_path: v.optional(v.string()) });
const serverInfo = v.object({
  version: v.optional(v.string()),
  context_length: v.nullish(tokenId),
  max_req_input_len: v.nullish(tokenId),
});

/** `[log p, id, text]` */
const told = v.looseTuple([logProbability, tokenId]);
const perPosition = v.array(v.array(told));
const generated = v.array(
  v.object({
    meta_info: v.object({
      output_top_logprobs: v.nullish(perPosition),
      output_token_ids_logprobs: v.nullish(perPosition),
    }),
  }),
);

export async function openSglang(
  client: HttpClient,
  modelName: string,
  listed: unknown,
  options: AskOptions,
): Promise<InferenceServer> {
  const { max_model_len } = readAnswer(listing, listed, "/v1/models");
  const info = readAnswer(modelInfo, await client.get("/get_model_info", options), "/get_model_info");
  const server = v.safeParse(
    serverInfo,
    await client.get("/get_server_info", options).catch(() => undefined),
  );
  const { version, context_length, max_req_input_len } = server.success ? server.output : {};
  const contextLength = max_model_len ?? context_length ?? max_req_input_len;
  const modelPath = info.tokenizer_path ?? info.model_path;
  return {
    kind: "SGLang",
    version: version ?? "of an unnamed version",
    modelName,
    notes: [],
    usualCandidates: 128,
    mostCandidates: 2 ** 14,
    ...(contextLength != null && { contextLength }),
    ...(modelPath !== undefined && { modelPath }),
    readBest: (rows, candidates, { signal }) =>
      readTold(client, rows, { top_logprobs_num: candidates }, "output_top_logprobs", candidates, signal),
    readNamed: (rows, ids, { signal }) => {
      const most = Math.max(...ids.map(({ length }) => length));
      return readTold(client, rows, { token_ids_logprob: ids }, "output_token_ids_logprobs", most, signal);
    },
    tokenize: (text, { signal }) => tokenize(client, modelName, text, signal),
  };
}

async function readTold(
  client: HttpClient,
  rows: readonly TokenRow[],
  asked: object,
  field: "output_top_logprobs" | "output_token_ids_logprobs",
  count: number,
  signal: AbortSignal | undefined,
): Promise<LogProbabilitiesById[]> {
  const body = {
    input_ids: rows,
    sampling_params: { max_new_tokens: 1, temperature: 0 },
    return_logprob: true,
    // Of the prompt nothing is told.
    logprob_start_len: -1,
    ...asked,
  };
  const answer = await client.post("/generate", body, {
    signal,
    mostBytes: mostBytesFor(rows.length, count),
  });
  const found = readAnswer(generated, answer, "/generate");
  return rows.map((_, row) => {
    const [first] = found[row]?.meta_info[field] ?? [];
    if (!first) throw badAnswer("/generate", `meta_info.${field} of row ${row} of ${rows.length} is missing`);
    return byId(first.map(([log, id]) => [id, log]));
  });
}

/** Older versions have no such address. */
async function tokenize(
  client: HttpClient,
  model: string,
  prompt: string,
  signal: AbortSignal | undefined,
): Promise<readonly number[] | undefined> {
  try {
    const answer = await client.post("/tokenize", { model, prompt, add_special_tokens: false }, { signal });
    return readAnswer(tokenized, answer, "/tokenize").tokens;
  } catch (error) {
    if (error instanceof RefusedRequest && (error.status === 404 || error.status === 405)) return undefined;
    throw error;
  }
}
