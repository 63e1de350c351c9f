// A program of CommonJS: the same by dynamic imports.
async function main() {
  const { generate } = await import("@amulet-ts/core");
  const { openEngine } = await import("@amulet-ts/engines");
  const engine = await openEngine({ backend: "wasm" });
  const asked = { question: "How do I make a cup of tea?", preference: "Your answer should be uplifting." };
  for await (const { text } of generate(engine.model, { ...asked, maxNewTokens: 17 }))
    process.stdout.write(text);
  await engine.dispose();
}

main();
