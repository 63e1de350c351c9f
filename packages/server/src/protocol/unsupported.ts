/** What clients ask for that can't be done here: a 400 says so, where in silence it would be left undone. */
import { ServerError } from "../errors.js";

type Body = Readonly<Record<string, unknown>>;

const isGiven = (value: unknown) => value !== undefined && value !== null;
/** Clients send what they have none of as an empty list, too. */
export const isFull = (value: unknown) => (Array.isArray(value) ? value.length > 0 : isGiven(value));

interface Refusal {
  readonly field: string;
  readonly isAsked: (value: unknown, body: Body) => boolean;
  readonly why: string;
}

const ofChats: readonly Refusal[] = [
  {
    field: "tools",
    isAsked: (value, { tool_choice }) => isFull(value) && tool_choice !== "none",
    why: "tools can't be called",
  },
  {
    field: "functions",
    isAsked: (value, { function_call }) => isFull(value) && function_call !== "none",
    why: "functions can't be called",
  },
  {
    field: "response_format",
    isAsked: (value) => isGiven(value) && (value as Body).type !== "text",
    why: "the only response format is text",
  },
  {
    field: "modalities",
    isAsked: (value) => isGiven(value) && !(Array.isArray(value) && value.every((one) => one === "text")),
    why: "the only modality is text",
  },
  { field: "audio", isAsked: isGiven, why: "answers are text" },
  { field: "prediction", isAsked: isGiven, why: "an answer can't be predicted" },
  { field: "web_search_options", isAsked: isGiven, why: "nothing is looked up" },
];

const ofTexts: readonly Refusal[] = [
  { field: "echo", isAsked: (value) => value === true, why: "a prompt is not repeated" },
  {
    field: "suffix",
    isAsked: (value) => isGiven(value) && value !== "",
    why: "nothing is put before a suffix",
  },
];

/** @throws ServerError `unsupported` */
export function refuseInChat(body: Body): void {
  refuse(body, ofChats);
  if (isGiven(body.top_logprobs) && body.logprobs !== true)
    throw new ServerError("bad-request", "top_logprobs goes with logprobs: true.", { param: "top_logprobs" });
}

/** @throws ServerError `unsupported` */
export function refuseInText(body: Body): void {
  refuse(body, ofTexts);
  if (isGiven(body.best_of) && body.best_of !== (body.n ?? 1))
    throw new ServerError("unsupported", "best_of must be n: all answers are given, none is left out.", {
      param: "best_of",
    });
}

function refuse(body: Body, refusals: readonly Refusal[]): void {
  const refusal = refusals.find(({ field, isAsked }) => isAsked(body[field], body));
  if (!refusal) return;
  throw new ServerError("unsupported", `${refusal.field} is not supported here: ${refusal.why}.`, {
    param: refusal.field,
  });
}
