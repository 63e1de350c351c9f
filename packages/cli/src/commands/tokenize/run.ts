/** `amulet tokenize`: a text or a chat as tokens. */
import type { ChatMessage } from "@amulet-ts/core";
import { openTokenizer, type Tokenizer } from "@amulet-ts/files";
import * as v from "valibot";
import type { Invocation } from "../../command.js";
import { CliError, usageError } from "../../errors.js";
import { modelPath } from "../../options/model.js";
import { readJsonInput } from "../../read-input.js";
import { colorsFor } from "../../terminal/colors.js";
import { writeJson, writeNote, writeRows, writeText } from "../../terminal/output.js";
import { printable } from "../../terminal/printable.js";
import type { TokenizeValues } from "./command.js";

interface Tokens {
  readonly ids: readonly number[];
  readonly prompt?: string;
  readonly note?: string;
}

export async function run({ values, io }: Invocation<TokenizeValues>): Promise<void> {
  const { text, chat } = values;
  if ((text === undefined) === (chat === undefined)) {
    throw usageError("Give either --text TEXT or --chat FILE.");
  }
  const messages = chat === undefined ? undefined : checkMessages(await readJsonInput(chat, io), chat);
  const { tokenizer, renderChat } = await openTokenizer(await modelPath(values, io));
  for (const note of tokenizer.notes) writeNote(io, note);
  const { ids, prompt, note } = messages ? renderChat(messages) : encodeText(tokenizer, text!);
  const pieces = ids.map((id) => tokenizer.piece(id));
  writeNote(io, note);
  if (values.json) {
    const decoded = tokenizer.decode(ids);
    return writeJson(io, { ids, pieces, decoded, ...(prompt !== undefined && { prompt }) });
  }
  if (prompt !== undefined) writeText(io, `${printable(prompt)}\n\n`);
  const { cyan } = colorsFor(io.stdout, io.environment);
  const width = ids.reduce((most, id) => Math.max(most, String(id).length), 0);
  writeRows(
    io,
    ids.map((id, i) => `${cyan(String(id).padStart(width))}  ${printable(pieces[i]!)}`),
  );
}

/** Control tokens are read where the text spells them out, as the model's makers do. */
function encodeText(tokenizer: Tokenizer, text: string): Tokens {
  return { ids: tokenizer.encode(text, { parseSpecial: true }) };
}

const messageSchema = v.object({
  role: v.picklist(["system", "user", "assistant"] satisfies ChatMessage["role"][]),
  content: v.string(),
});
/** A list of messages, alone or in an object. */
const chatSchema = v.pipe(
  v.union([v.array(v.unknown()), v.object({ messages: v.array(v.unknown()) })]),
  v.transform((chat) => ("messages" in chat ? chat.messages : chat)),
  v.nonEmpty(),
);

function checkMessages(value: unknown, source: string): ChatMessage[] {
  const chat = v.safeParse(chatSchema, value);
  if (!chat.success) throw badChat(source, "it holds no list of messages");
  return chat.output.map((entry, index) => {
    const message = v.safeParse(messageSchema, entry);
    if (message.success) return message.output;
    throw badChat(source, `message ${index + 1} is ${JSON.stringify(entry)?.slice(0, 80)}`);
  });
}

function badChat(source: string, what: string): CliError {
  return new CliError(
    "unreadable-input",
    `${source} is no chat: ${what}. Expected [{"role": "system" | "user" | "assistant", "content": "…"}, …].`,
  );
}
