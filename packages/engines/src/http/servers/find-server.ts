/** Finds out by asking which server it is that listens, and which of its models is meant. */
import * as v from "valibot";
import { EngineError } from "../../errors.js";
import { type HttpClient, RefusedRequest } from "../client.js";
import { openLlamaServer } from "./llama-server.js";
import { type AskOptions, type InferenceServer, readAnswer } from "./server.js";
import { openSglang } from "./sglang.js";
import { openVllm } from "./vllm.js";

const models = v.object({
  data: v.pipe(
    v.array(v.looseObject({ id: v.string(), owned_by: v.optional(v.string(), "") })),
    v.minLength(1),
  ),
});

type Open = (
  client: HttpClient,
  name: string,
  listed: unknown,
  options: AskOptions,
) => Promise<InferenceServer>;

/** Each with the name that it gives in its list of models, and an address that it alone has. */
const kinds: readonly { readonly owner: string; readonly own: string; readonly open: Open }[] = [
  { owner: "llamacpp", own: "/props", open: openLlamaServer },
  { owner: "sglang", own: "/get_model_info", open: openSglang },
  { owner: "vllm", own: "/version", open: openVllm },
];

/**
 * @param wanted the model's name at the server; its first where it is left out
 * @throws EngineError `unreachable`, `refused`, `bad-answer`, `bad-request`, `unsupported-server`
 */
export async function findServer(
  client: HttpClient,
  wanted: string | undefined,
  options: AskOptions,
): Promise<InferenceServer> {
  // Nothing is waited for that has not begun: a server that is not there is told at once.
  const answer = await client.get("/v1/models", { ...options, attempts: 2 });
  const { data } = readAnswer(models, answer, "/v1/models");
  const listed = wanted === undefined ? data[0]! : data.find(({ id }) => id === wanted);
  if (!listed) {
    const names = data.map(({ id }) => id).join(", ");
    throw new EngineError("bad-request", `${client.address} has no model ${wanted}; it has ${names}.`);
  }
  const kind = kinds.find(({ owner }) => owner === listed.owned_by) ?? (await askAround(client, options));
  if (kind) return kind.open(client, listed.id, listed, options);
  throw new EngineError(
    "unsupported-server",
    `${client.address} is neither llama-server nor vLLM nor SGLang: OpenAI's protocol alone tells no token ids, and not the ` +
      "log-probabilities that Amulet needs of two prompts.",
  );
}

async function askAround(client: HttpClient, options: AskOptions) {
  for (const kind of kinds) {
    const isThere = await client.get(kind.own, { ...options, attempts: 1 }).then(
      () => true,
      (error) => {
        if (error instanceof RefusedRequest) return false;
        throw error;
      },
    );
    if (isThere) return kind;
  }
  return undefined;
}
