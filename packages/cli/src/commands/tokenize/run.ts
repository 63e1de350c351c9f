/** `amulet tokenize`: a text or a chat as tokens. */
import type { ChatMessage, Engine } from "@amulet-ts/core";
import { engineKind } from "@amulet-ts/engines";
import { openTokenizer } from "@amulet-ts/files";
import * as v from "valibot";
import type { Invocation } from "../../command.js";
import { CliError, usageError } from "../../errors.js";
import type { Io } from "../../io.js";
import { modelPath, openModel } from "../../options/model.js";
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
  const { tokenizer, renderChat } = await openText(values, io);
  const { ids, prompt, note }: Tokens = messages ? renderChat(messages) : encodeText(tokenizer, text!);
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

interface TextSide {
  readonly tokenizer: Engine["tokenizer"];
  renderChat(messages: readonly ChatMessage[]): Tokens;
}

/** Of a model's files no weights are read; what a server's model takes for text is compared with the server first. */
async function openText(values: TokenizeValues, io: Io): Promise<TextSide> {
  if (engineKind(values.engine ?? "") !== "http") {
    const text = await openTokenizer(await modelPath(values, io));
    for (const note of text.tokenizer.notes) writeNote(io, note);
    return text;
  }
  const { model, tokenizer, dispose } = await openModel(values, io);
  await dispose();
  return { tokenizer, renderChat: (messages) => model.renderChat(messages) };
}

/** Control tokens are read where the text spells them out, as the model's makers do. */
function encodeText(tokenizer: Engine["tokenizer"], text: string): Tokens {
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
