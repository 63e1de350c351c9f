/**
 * A real model in K types, Qwen2.5-Coder-0.5B-Instruct Q4_K_M (AMULET_QWEN_GGUF names the file), on the default backend: it
 * answers, in a process of its own, within a memory that float32 weights would fill five times; its logits are those
 * that numpy computes in float64 from the same file (AMULET_PYTHON names a Python with numpy and gguf).
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { openEngine } from "@amulet-ts/engines";
import { describe, expect, test } from "vitest";

const run = promisify(execFile);
const { AMULET_QWEN_GGUF: path = "", AMULET_PYTHON: python = "python3" } = process.env;
const isHere = existsSync(path);
if (!isHere) console.warn("Skipped: Qwen2.5-Coder on kernels; AMULET_QWEN_GGUF names no file.");
const hasNumpy =
  isHere &&
  (await run(python, ["-c", "import numpy, gguf"]).then(
    () => true,
    () => false,
  ));
if (isHere && !hasNumpy) console.warn(`Skipped: Qwen2.5-Coder beside numpy; ${python} lacks numpy or gguf.`);

const answer = `
  import { openEngine } from "@amulet-ts/engines";
  import { generate } from "@amulet-ts/core";
  const start = performance.now();
  const engine = await openEngine({ model: ${JSON.stringify(path)} });
  const loadMs = performance.now() - start;
  let text = "";
  const question = "Write a function that adds two numbers.";
  const options = { question, preference: "Your answer should be concise.", maxNewTokens: 24 };
  for await (const piece of generate(engine.model, options)) text += piece.text ?? "";
  const { name } = engine.backend;
  await engine.dispose();
  const peakMB = process.resourceUsage().maxRSS / 1000;
  console.log(JSON.stringify({ loadMs, name, text, peakMB }));
`;

describe.skipIf(!isHere)("Qwen2.5-Coder-0.5B-Instruct, Q4_K_M", () => {
  test("loads and answers on wasm with a peak of at most 900 MB", async () => {
    const { stdout } = await run(process.execPath, ["--input-type=module", "-e", answer], {
      cwd: fileURLToPath(new URL("../..", import.meta.url)),
    });
    const { loadMs, name, text, peakMB } = JSON.parse(stdout.trim().split("\n").at(-1)!);
    console.log(`loaded in ${loadMs.toFixed(0)} ms, peak ${peakMB.toFixed(0)} MB: ${text}`);
    expect(name).toBe("wasm");
    expect(text).toContain("def ");
    expect(peakMB).toBeLessThan(900);
  });

  test.skipIf(!hasNumpy)("its logits are numpy's from the same file, within 1e-3", async () => {
    await using engine = await openEngine({ model: path, backend: "wasm" });
    const { model } = engine;
    const { ids } = model.renderChat([{ role: "user", content: "How do I make a cup of tea?" }]);
    const folder = await mkdtemp(join(tmpdir(), "amulet-qwen-"));
    try {
      const out = join(folder, "logits");
      const script = fileURLToPath(new URL("qwen2-reference.py", import.meta.url));
      await run(python, [script, path, ids.join(","), out]);
      const { buffer } = await readFile(out);
      const expected = new Float32Array(buffer.slice(0, 4 * ids.length * model.vocabularySize));
      expect(expected.length).toBe(ids.length * model.vocabularySize);
      // The whole prompt at once by way of scratch, and its last tokens in registers.
      const whole = model.openSession(1);
      const steps = model.openSession(1);
      const head = ids.slice(0, -3);
      const rows = await whole.appendAll!([ids]);
      const came = [rows[0]!.logits_RC, (await steps.append([head])).logits_RC];
      for (const id of ids.slice(-3)) came.push((await steps.append([[id]])).logits_RC);
      const [all, ...last] = await Promise.all(came.map((logits) => logits.data()));
      for (const logits of came) logits.dispose();
      const V = model.vocabularySize;
      const worst = (values: ArrayLike<number>, from: number) => {
        let most = 0;
        for (let i = 0; i < values.length; i++)
          most = Math.max(most, Math.abs(values[i]! - expected[from + i]!));
        return most;
      };
      const errors = [worst(all!, 0), ...last.map((row, i) => worst(row, (ids.length - 4 + i) * V))];
      console.log(`largest errors of logits: ${errors.map((error) => error.toExponential(1)).join(", ")}`);
      for (const error of errors) expect(error).toBeLessThan(1e-3);
      await whole.dispose();
      await steps.dispose();
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
