/** What Node and a page both do: a model's greedy Amulet answer, as token ids. */
import { amuletMethod, chooseGreedily, decode, type LanguageModel } from "@amulet-ts/core";

/** Two prompts of different length over a vocabulary of at least 200. */
const base = [5, 17, 42, 9, 101, 33];
const preference = [...base, 77, 12, 150];

export async function answer(model: LanguageModel, maxNewTokens: number): Promise<number[]> {
  const request = { base, preference, method: amuletMethod(), choose: chooseGreedily, maxNewTokens };
  const tokens: number[] = [];
  for await (const event of decode({ ...modelPort(model), endTokens: new Set() }, [request])) {
    if (event.type === "token") tokens.push(event.id);
  }
  return tokens;
}

/** The model, with nothing that ends an answer early. */
function modelPort(model: LanguageModel): LanguageModel {
  return {
    name: model.name,
    vocabularySize: model.vocabularySize,
    contextLength: model.contextLength,
    endTokens: model.endTokens,
    coverage: model.coverage,
    openSession: (rowCount) => model.openSession(rowCount),
  };
}
