/** Writes src/recorded.json: one answer of the embedded model, and at each of its places both prompts' log-policies. */
import { writeFileSync } from "node:fs";
import { generate } from "@amulet-ts/core";
import { openEngine } from "@amulet-ts/engines";

const question = "How do I make a cup of tea?";
const preference = "Your answer should be uplifting.";
const decimals = 3;

const round = (values) => Array.from(values, (value) => Number(value.toFixed(decimals)));

const { model } = await openEngine({ backend: "cpu" });
const places = [];
for await (const { id, rows } of generate(model, {
  question,
  preference,
  maxNewTokens: 8,
  reportRows: true,
})) {
  if (!rows) continue;
  places.push({ id, base: round(rows.logBase_V), preference: round(rows.logPreference_V) });
}
const pieces = Array.from({ length: model.vocabularySize }, (_, id) => model.tokenizer.decode([id]));
const recorded = { model: model.name, question, preference, pieces, places };
writeFileSync(new URL("../src/recorded.json", import.meta.url), `${JSON.stringify(recorded)}\n`);
console.log(`${places.length} places of ${pieces.length} tokens.`);
