import { generate, openEngine } from "@amulet-ts/web";

const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
const engine = await openEngine({ worker, model: "model", backend: "wasm", wasmFolder: "wasm/" });
const asked = { question: "How do I make a cup of tea?", preference: "Your answer should be uplifting." };
for await (const { text } of generate(engine.model, { ...asked, maxNewTokens: 17 }))
  document.body.append(text);
await engine.dispose();
document.title = "done";
