// A program of ES modules: the embedded model answers.
import { generate } from "@amulet-ts/core";
import { openEngine } from "@amulet-ts/engines";

const engine = await openEngine({ backend: "wasm" });
const asked = { question: "How do I make a cup of tea?", preference: "Your answer should be uplifting." };
for await (const { text } of generate(engine.model, { ...asked, maxNewTokens: 17 }))
  process.stdout.write(text);
await engine.dispose();
