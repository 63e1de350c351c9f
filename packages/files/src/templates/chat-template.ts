import { FilesError } from "../errors.js";
import { expectArray, expectRecord, expectString, type JsonRecord } from "../tokenizer/expect-json.js";
import type { SpecialTokens } from "../tokenizer/special-tokens.js";
import { JinjaTemplate } from "./jinja/render.js";
import { Refusal, TemplateError } from "./jinja/template-error.js";

/** One turn. More keys (`name`, `tool_calls`, …) reach the template as they are. */
export interface ChatMessage {
  readonly role: string;
  readonly content: string;
  readonly [key: string]: unknown;
}

export interface ChatOptions {
  /** End the prompt where the assistant is to go on. Default true. */
  readonly addGenerationPrompt?: boolean;
  /** The tokenizer's named tokens: what the template sees as `bos_token`, `pad_token` and so on. */
  readonly specialTokens?: SpecialTokens;
  /** More variables for the template, such as `tools` or `enable_thinking`. */
  readonly variables?: JsonRecord;
  /** What `strftime_now` writes. Default: the time of the call. */
  readonly now?: Date;
}

/** A chat template and where it was found. */
export interface ChatTemplate {
  readonly source: string;
  /** For messages: a file, or a key in one. */
  readonly from: string;
}

/** Where a model may keep its chat template. */
export interface ChatTemplateSources {
  /** The text of chat_template.jinja. */
  readonly jinja?: string | undefined;
  /** The content of tokenizer_config.json; its `chat_template` is a text or a list of named ones. */
  readonly config?: JsonRecord | undefined;
  /** GGUF metadata with `tokenizer.chat_template`. */
  readonly metadata?: ReadonlyMap<string, unknown> | undefined;
}

/** The model's chat template, or undefined. Of several named ones, `default`. Throws `bad-template`. */
export function findChatTemplate({ jinja, config, metadata }: ChatTemplateSources): ChatTemplate | undefined {
  if (jinja !== undefined) return { source: jinja, from: "chat_template.jinja" };
  const ofConfig = config?.chat_template;
  if (ofConfig !== undefined && ofConfig !== null)
    return templateAt(ofConfig, "chat_template of tokenizer_config.json");
  return templateAt(metadata?.get("tokenizer.chat_template"), "tokenizer.chat_template of the GGUF file");
}

function templateAt(value: unknown, from: string): ChatTemplate | undefined {
  if (value === undefined || value === null) return undefined;
  try {
    const source = Array.isArray(value) ? defaultOf(value) : expectString(value, "chat_template");
    return source === undefined ? undefined : { source, from };
  } catch (cause) {
    throw new FilesError("bad-template", `${from} is no template: ${(cause as Error).message}`, { cause });
  }
}

function defaultOf(list: readonly unknown[]): string | undefined {
  const named = expectArray(list, "chat_template").map((entry) => expectRecord(entry, "chat_template"));
  const chosen = named.find((entry) => entry.name === "default") ?? named[0];
  return chosen && expectString(chosen.template, "chat_template.template");
}

/**
 * The prompt of a chat, as the model's Jinja template writes it with Python's Jinja where transformers sets it up
 * (an immutable sandbox, `trim_blocks`, `lstrip_blocks`, `break` and `continue`, its own `tojson`, `raise_exception`
 * and `strftime_now`). What is not read is an error that names it. Rendering is bounded in steps, text and depth, so
 * that it ends in about a second whatever the template does.
 *
 * @param standIns characters in the messages that stand for printable ones
 * @throws FilesError `bad-template`
 */
export function renderChat(
  template: ChatTemplate | string,
  messages: readonly ChatMessage[],
  options: ChatOptions = {},
  standIns: ReadonlySet<string> = new Set(),
): string {
  const { source, from } =
    typeof template === "string" ? { source: template, from: "the text given" } : template;
  const { addGenerationPrompt = true, specialTokens, variables, now = new Date() } = options;
  const items = {
    tools: null,
    documents: null,
    ...specialTokens,
    ...variables,
    messages,
    add_generation_prompt: addGenerationPrompt,
  };
  try {
    return new JinjaTemplate(source).render(items, { now, standIns });
  } catch (cause) {
    throw cause instanceof TemplateError ? badTemplate(cause, from) : cause;
  }
}

function badTemplate(cause: TemplateError, from: string): FilesError {
  const where = cause.line === undefined ? from : `${from}, line ${cause.line}`;
  const sentence =
    cause instanceof Refusal
      ? `The chat template refused these messages: ${cause.message}`
      : `The chat template can't be rendered (${where}): ${cause.message}.`;
  return new FilesError("bad-template", sentence, { cause });
}
