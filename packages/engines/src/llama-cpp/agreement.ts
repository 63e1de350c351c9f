/** Our tokenizer and template beside llama.cpp's own, on a probe: both read the same file, and answers follow ours. */
import type { ModelTokenizer } from "@amulet-ts/files";
import type { Pointer } from "./native/koffi.js";
import type { Llama } from "./native/library.js";

/** Words, spaces, digits, a contraction, letters of several scripts, a sign beyond 16 bits, a line that begins with spaces. */
const probe =
  "How do I make 12.5 cups of tea? I'd say: don’t hurry!\n\n  Übung macht den Meister, 练习, привет 🍵 x_1 == y2;";

const chat = [
  { role: "system", content: "You answer in short." },
  { role: "user", content: "How do I make a cup of tea?" },
] as const;

/** A sentence for each difference. */
export function findDisagreements(llama: Llama, model: Pointer, text: ModelTokenizer): string[] {
  return [compareTokens(llama, model, text), compareChats(llama, model, text)].filter(
    (note) => note !== undefined,
  );
}

function compareTokens(
  { native }: Llama,
  model: Pointer,
  { name, tokenizer }: ModelTokenizer,
): string | undefined {
  const ours = tokenizer.encode(probe, { parseSpecial: true });
  const tokens = new Int32Array(4 * probe.length);
  const vocabulary = native.llama_model_get_vocab(model);
  const length = Buffer.byteLength(probe);
  const count = native.llama_tokenize(vocabulary, probe, length, tokens, tokens.length, false, true);
  const theirs = [...tokens.subarray(0, Math.max(0, count))];
  const at = theirs.findIndex((id, t) => id !== ours[t]);
  if (at < 0 && theirs.length === ours.length) return undefined;
  const where = at < 0 ? Math.min(ours.length, theirs.length) : at;
  return (
    `${name}: llama.cpp's own tokenizer reads a probe text otherwise than ours, from token ${where} on ` +
    `(${theirs[where] ?? "nothing"} where ours has ${ours[where] ?? "nothing"}). Ours is used.`
  );
}

/** llama.cpp knows some templates by their looks; where it does not know this one, there is nothing to compare. */
function compareChats(
  { native }: Llama,
  model: Pointer,
  { name, renderChat }: ModelTokenizer,
): string | undefined {
  const template = native.llama_model_chat_template(model, null);
  if (template === null) return undefined;
  const bytes = new Uint8Array(4096);
  const length = native.llama_chat_apply_template(template, chat, chat.length, true, bytes, bytes.length);
  if (length < 0 || length > bytes.length) return undefined;
  const theirs = new TextDecoder().decode(bytes.subarray(0, length));
  const ours = render(renderChat);
  // The begin token is the tokenizer's affair with llama.cpp, and the template's with us.
  if (ours === undefined || ours.endsWith(theirs)) return undefined;
  return `${name}: no template built into llama.cpp renders a chat as the file's own does. The file's own is used.`;
}

/** A template may refuse a system message. */
function render(renderChat: ModelTokenizer["renderChat"]): string | undefined {
  try {
    return renderChat(chat).prompt;
  } catch {
    return undefined;
  }
}
