/** A server over the embedded model's vocabulary, for the command line: its tokens are no sentences. */
import { embeddedModelFolder } from "@amulet-ts/embedded-model";
import { openTokenizer } from "@amulet-ts/files";
import { LogProbabilityServer, type ServerKind } from "@amulet-ts/testing/engines/log-probability-server";
import { afterAll, beforeAll } from "vitest";

const { tokenizer } = await openTokenizer(embeddedModelFolder);
export const vocabularySize = tokenizer.vocabularySize;

/** Listens while the tests of a file run. @returns its address, once they do */
export function useServer(kind: ServerKind): () => string {
  const server = new LogProbabilityServer(kind, {
    next: (row) =>
      Array.from({ length: vocabularySize }, (_, i) => 9 * Math.sin((row.length % 97) * (i + 1))),
    vocabularySize,
    tokenize: (text) => tokenizer.encode(text, { parseSpecial: true }),
    modelPath: embeddedModelFolder,
  });
  let address = "";
  beforeAll(async () => {
    address = await server.listen();
  });
  afterAll(() => server.close());
  return () => address;
}
