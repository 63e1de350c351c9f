/** `amulet lab train` from start to card, with an interruption between. */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startBackend } from "@amulet-ts/backends";
import { embeddedModelFolder } from "@amulet-ts/embedded-model";
import { defaultSettings, readTrainingRecord, runTraining, sampleExamples } from "@amulet-ts/lab";
import { amulet } from "@amulet-ts/testing/cli/fake-io";
import { expect, it, onTestFinished } from "vitest";
import { describeCommand } from "../src/commands/lab/train.js";

const train = ["lab", "train", "--backend", "wasm", "--out"];

async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "amulet-train-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

it("Ctrl-C saves a checkpoint and says how to go on", async () => {
  const folder = join(await makeFolder(), "run");
  const begin = [...train, folder, "--steps", "2", "--rows", "2", "--seed", "7"];
  const stopped = await amulet(begin, { onNote: (_, interrupt) => interrupt() });
  expect(stopped).toMatchObject({ status: 130, stdout: "" });
  expect(stopped.stderr).toMatch(/step 1\/2 · loss \d\.\d{3} · rate 0\.002 · \d+ tokens\/s · \d+ s left/);
  expect(stopped.stderr).toContain(
    `stopped after step 1 of 2; \`amulet lab train --resume --out ${folder} --backend wasm\``,
  );
  expect(await readdir(folder)).toContain("checkpoint.safetensors");
  const other = await amulet(["lab", "train", "--backend", "cpu", "--resume", "--out", folder]);
  expect(other.status).toBe(2);
  expect(other.stderr).toContain("began on the backend wasm");
});

it("a run that goes on ends with a model and its card", async () => {
  const folder = join(await makeFolder(), "run");
  await beginTinyRun(folder);
  const done = await amulet([...train, folder, "--resume", "--pairs", "1", "--json"]);
  expect(done.status).toBe(0);
  const record = JSON.parse(done.stdout);
  expect(record.command).toMatch(
    /^amulet lab train --out run --backend wasm --steps 2 --rows 2 .* --seed 7$/,
  );
  expect(record.losses.map(({ step }: { step: number }) => step)).toEqual([1, 2]);
  expect(record.validationLoss).toBeGreaterThan(5);

  const card = await readFile(join(record.modelFolder, "README.md"), "utf8");
  expect(card).toContain(`    ${record.command}\n`);
  expect(card).toContain(`${record.validationLoss.toFixed(5)} on the 256 examples of the validation set`);
  const answer = await amulet([
    ...["generate", "What helps with coffee?", "--preference", "Your answer should be concise."],
    ...["--model", record.modelFolder, "--max-new-tokens", "1", "--json", "--backend", "wasm"],
  ]);
  expect(JSON.parse(answer.stdout).ids).toHaveLength(1);
});

/** Two steps of a model of 4,000 weights, interrupted after the first. */
async function beginTinyRun(folder: string): Promise<void> {
  await startBackend("wasm");
  const interrupt = new AbortController();
  const { schedule } = defaultSettings;
  const run = runTraining({
    folder,
    corpus: sampleExamples,
    settings: {
      ...defaultSettings,
      ...{ seed: 7, rows: 2, vocabularySize: 300, schedule: { ...schedule, steps: 2, warmUp: 1 } },
      shape: {
        ...{ hidden_size: 8, intermediate_size: 12, num_hidden_layers: 1, max_position_embeddings: 512 },
        ...{ num_attention_heads: 2, num_key_value_heads: 1, head_dim: 4 },
      },
    },
    signal: interrupt.signal,
    onStep: () => interrupt.abort(),
  });
  await expect(run).rejects.toMatchObject({ code: "aborted" });
}

it("the card of the model that ships has the command that made it, oneDNN's setting included", async () => {
  const { command, settings } = (await readTrainingRecord(embeddedModelFolder))!;
  const environment = { TF_ENABLE_ONEDNN_OPTS: "1" };
  expect(describeCommand(settings, "some/run", { name: "node" }, { environment })).toBe(command);
  expect(describeCommand(settings, "run", { name: "wasm" }, { environment })).toMatch(/^amulet lab train/);
});

it("wrong usage says what to do", async () => {
  const folder = await makeFolder();
  const said = async (...words: string[]) => {
    const { status, stderr } = await amulet(words);
    expect(status).toBe(2);
    return stderr;
  };
  expect(await said("lab")).toContain("There are: train, ");
  expect(await said("lab", "tarin")).toContain("Did you mean train?");
  expect(await said("lab", "train")).toContain("--out FOLDER");
  expect(await said(...train, folder, "now")).toContain("takes options only; got now");
  expect(await said(...train, folder, "--pairs", "529")).toContain("--pairs must be at most 528");
  expect(await said(...train, folder, "--resume", "--steps", "3")).toContain(
    "--steps is what the run began with",
  );
});

it("there is nothing to go on from in an empty folder", async () => {
  const { status, stderr } = await amulet([...train, await makeFolder(), "--resume"]);
  expect(status).toBe(1);
  expect(stderr).toMatch(/no training run to go on from: .*checkpoint\.safetensors does not exist/);
});
