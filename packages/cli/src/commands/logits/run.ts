/** `amulet logits`: what the model says before anything is made of it. */
import {
  checkPrompt,
  type Engine,
  type LanguageModel,
  type PrefillOptions,
  prefill,
  readPositions,
  refuseUnlessWhole,
  type TokenRow,
  topK,
} from "@amulet-ts/core";
import type { Tensor2D } from "@tensorflow/tfjs-core";
import type { Invocation } from "../../command.js";
import { usageError } from "../../errors.js";
import type { Io } from "../../io.js";
import { openModel } from "../../options/model.js";
import { colorsFor } from "../../terminal/colors.js";
import { formatNumber, spellInfinities, writeRows, writeText } from "../../terminal/output.js";
import { quoted } from "../../terminal/printable.js";
import { Progress } from "../../terminal/progress.js";
import type { LogitsValues } from "./command.js";

const shownTokens = 5;

export async function run({ values, io }: Invocation<LogitsValues>): Promise<void> {
  const { ids } = values;
  if (ids === undefined) throw usageError("--ids is missing: give token ids, such as --ids 1,2,3.");
  await using engine = await openModel(values, io);
  const { model } = engine;
  refuseUnlessWhole(model, "the command logits");
  checkPrompt(model, ids, "given");
  const rows = readLogits(model, ids, values.last === true, io);
  if (!values.json) return await showBest(rows, ids, engine, io);
  const positions = values.last ? 1 : ids.length;
  writeText(io, `{"shape":[${positions},${model.vocabularySize}],"logits":[`);
  let separator = "";
  for await (const { logits_V } of rows) {
    writeText(io, `${separator}${JSON.stringify([...logits_V], spellInfinities)}`);
    separator = ",";
  }
  writeText(io, "]}\n");
}

interface LogitsAt {
  readonly position: number;
  readonly logits_V: Float32Array;
}

/** The logits after every token, or after the last one alone; a pass at a time. */
async function* readLogits(
  model: LanguageModel,
  ids: TokenRow,
  lastOnly: boolean,
  io: Io,
): AsyncGenerator<LogitsAt> {
  const session = model.openSession(1);
  const progress = new Progress(io, "Reading the tokens");
  const options: PrefillOptions = {
    signal: io.signal,
    onProgress: ({ done, total }) => (done < total ? progress.update(done, total) : progress.clear()),
  };
  try {
    if (lastOnly) {
      const { logits_RC } = await prefill(session, [ids], options);
      return yield { position: ids.length - 1, logits_V: await takeData(logits_RC) };
    }
    let position = 0;
    for await (const [next] of readPositions(session, ids, options)) {
      const values = await takeData(next!.logits_RC);
      for (let from = 0; from < values.length; from += model.vocabularySize)
        yield { position: position++, logits_V: values.subarray(from, from + model.vocabularySize) };
    }
  } finally {
    await session.dispose();
  }
}

async function takeData(logits_TV: Tensor2D): Promise<Float32Array> {
  const values = (await logits_TV.data()) as Float32Array;
  logits_TV.dispose();
  return values;
}

async function showBest(
  rows: AsyncIterable<LogitsAt>,
  ids: TokenRow,
  { tokenizer }: Engine,
  io: Io,
): Promise<void> {
  const { bold, dim, cyan } = colorsFor(io.stdout, io.environment);
  const show = (id: number) => cyan(quoted(tokenizer.decode([id])));
  for await (const { position, logits_V } of rows) {
    writeRows(io, [`${bold(`after ${position + 1}`)}: ${ids[position]} ${show(ids[position]!)}`]);
    for (const id of topK(logits_V, shownTokens)) {
      const logit = formatNumber(logits_V[id]!).padStart(9);
      writeRows(io, [`  ${logit}  ${dim(String(id).padStart(7))} ${show(id)}`]);
    }
  }
}
