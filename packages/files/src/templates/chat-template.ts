import { Template } from "@huggingface/jinja";
import { FilesError } from "../errors.js";
import { expectArray, expectRecord, expectString, type JsonRecord } from "../tokenizer/expect-json.js";

/** One turn. More keys (`name`, `tool_calls`, …) reach the template as they are. */
export interface ChatMessage {
  readonly role: string;
  readonly content: string;
  readonly [key: string]: unknown;
}

export interface ChatOptions {
  /** End the prompt where the assistant is to go on. Default true. */
  readonly addGenerationPrompt?: boolean;
  /** What the template sees as `bos_token` and `eos_token`. */
  readonly beginToken?: string;
  readonly endToken?: string;
  /** More variables for the template, such as `tools` or `enable_thinking`. */
  readonly variables?: JsonRecord;
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
export function findChatTemplate({ jinja, config, metadata }: ChatTemplateSources): string | undefined {
  if (jinja !== undefined) return jinja;
  const value = config?.chat_template ?? metadata?.get("tokenizer.chat_template");
  if (value === undefined || value === null) return undefined;
  try {
    return Array.isArray(value) ? defaultOf(value) : expectString(value, "chat_template");
  } catch (cause) {
    throw badTemplate("The chat template is not one", cause);
  }
}

function defaultOf(list: readonly unknown[]): string | undefined {
  const named = expectArray(list, "chat_template").map((entry) => expectRecord(entry, "chat_template"));
  const chosen = named.find((entry) => entry.name === "default") ?? named[0];
  return chosen && expectString(chosen.template, "chat_template.template");
}

/**
 * The prompt of a chat, as the model's Jinja template writes it. The template may call `raise_exception`,
 * `strftime_now`, `range` and the filters of transformers' chat templates. Throws `bad-template`.
 */
export function renderChat(
  template: string,
  messages: readonly ChatMessage[],
  options: ChatOptions = {},
): string {
  const { addGenerationPrompt = true, beginToken = "", endToken = "", variables = {} } = options;
  const program = parseTemplate(template);
  const items = {
    ...variables,
    messages,
    add_generation_prompt: addGenerationPrompt,
    bos_token: beginToken,
    eos_token: endToken,
  };
  try {
    return program.render(items);
  } catch (cause) {
    throw badTemplate("The chat template refused these messages", cause);
  }
}

function parseTemplate(template: string): Template {
  try {
    return new Template(template);
  } catch (cause) {
    throw badTemplate("The chat template is not valid Jinja", cause);
  }
}

function badTemplate(sentence: string, cause: unknown): FilesError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new FilesError("bad-template", `${sentence}: ${reason}`, { cause });
}
