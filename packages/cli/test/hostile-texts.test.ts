/** Whatever a model, a file, a hub or an error says: a terminal shows it and does not act on it. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { amulet, type Outcome, type Surroundings } from "@amulet-ts/testing/cli/fake-io";
import { stringEntry, type WrittenGguf, writeGguf } from "@amulet-ts/testing/files/checkpoint-writer";
import { tinyLlama, tinyLlamaTokens } from "@amulet-ts/testing/models/tiny-llama";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

/** A title, an empty screen, hidden letters, the same in eight bits, and letters that run backwards. */
const attack = "\x1b]0;pwned\x07\x1b[2J\x1b[8m\u009b2J\u202e";

/** What the command itself sends: colours, synchronised frames, cursor, erasing. */
const own = new RegExp(
  `${"\x1b"}\\[(?:(?:[0-2]|22|3[1-6]|39|41|44|49)m|\\?2026[hl]|\\?25[hl]|\\d+A|[KJ]|2K)|[\\r\\n\\t]`,
  "g",
);

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "amulet-hostile-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, file: string | WrittenGguf): string {
  const path = join(folder, name);
  writeFileSync(path, typeof file === "string" ? file : writeGguf(file));
  return path;
}

function expectHarmless({ stdout, stderr }: Outcome): void {
  for (const text of [stdout, stderr]) {
    expect(text.replace(own, "")).not.toMatch(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u);
  }
}

async function onTerminal(words: readonly string[], around: Surroundings = {}): Promise<Outcome> {
  const outcome = await amulet(words, { isTTY: true, columns: 100, ...around });
  expectHarmless(outcome);
  return outcome;
}

/** Every token but the bytes of an escape sequence: an answer can be nothing else. */
const ban = tinyLlamaTokens
  .map((piece, id) => ({ piece, id }))
  .filter(({ piece }) => !["ě", "[", "2", "J", "ć"].includes(piece))
  .map(({ id }) => id)
  .join();

describe("a model whose every text is an attack", () => {
  const ask = [
    "Why?",
    "--preference",
    "Be brief.",
    "--max-new-tokens",
    "6",
    "--ban",
    ban,
    "--backend",
    "cpu",
  ];
  const model = () => ["--model", write(`tiny${attack}.gguf`, tinyLlama())];

  test("its answers are escape sequences: a pipe gets them, a terminal sees them", async () => {
    const piped = await amulet(["generate", ...ask, ...model()]);
    expect(piped).toMatchObject({ status: 0, stderr: "" });
    expect(piped.stdout).toHaveLength(7);
    expect([...piped.stdout].filter((character) => !"\x1b[2J\x07\n".includes(character))).toEqual([]);
    const { status, stdout } = await onTerminal(["generate", ...ask, ...model()]);
    expect(status).toBe(0);
    expect(stdout).toBe(piped.stdout.replaceAll("\x1b", "\\x1b").replaceAll("\x07", "\\x07"));
  });

  test.each([
    ["generate", ["generate", ...ask, "--explain"], {}],
    ["compare, in blocks", ["compare", ...ask], {}],
    ["compare, in columns", ["compare", ...ask], { columns: 180 }],
    ["compare, of a hostile question", ["compare", `${attack}?`, ...ask.slice(1)], {}],
    ["inspect", ["inspect", "Why?", "--preference", attack, "--backend", "cpu"], {}],
    ["score", ["score", "Why?", "--preference", "x", "--answer", attack, "--backend", "cpu"], {}],
    ["tokenize", ["tokenize", "--text", attack], {}],
    ["logits", ["logits", "--ids", "30,91,5", "--backend", "cpu"], {}],
  ])("%s", async (_, words, around) => {
    expect(await onTerminal([...words, ...model()], around)).toMatchObject({ status: 0 });
  });

  test("JSON says the same to a program, and nothing to a terminal", async () => {
    const words = ["tokenize", "--text", attack, "--json", ...model()];
    const { stdout } = await onTerminal(words);
    expect(JSON.parse(stdout).decoded).toBe(attack);
  });
});

describe("errors", () => {
  const { entries, tensors } = tinyLlama();
  const [first, ...others] = tensors;
  const templated = (template: string) => [
    ...entries.slice(0, -1),
    stringEntry("tokenizer.chat_template", template),
  ];
  test.each<[string, WrittenGguf]>([
    [
      "an architecture",
      { entries: [stringEntry("general.architecture", attack), ...entries.slice(1)], tensors },
    ],
    ["a metadata key", { entries: [[`llama.${attack}`, 99, Buffer.alloc(8)], ...entries], tensors }],
    ["a tensor's name", { entries, tensors: [{ ...first!, name: attack }, ...others] }],
    ["raise_exception", { entries: templated(`{{ raise_exception("${attack}") }}`), tensors }],
    ["a broken template", { entries: templated(`{{ ${attack} | }}`), tensors }],
  ])("%s", async (_, file) => {
    const path = write("hostile.gguf", file);
    const words = ["generate", "Why?", "--preference", "x", "--model", path, "--backend", "cpu"];
    const { status, stderr } = await onTerminal(words);
    expect(status).toBe(1);
    expect(stderr).toMatch(/amulet: [^\n]{20,}\n$/);
    expect(await onTerminal([...words, "--debug"])).toMatchObject({ status: 1 });
  });

  test.each([
    ["an option", ["strength", `--${attack}`], {}, 2],
    ["a command", ["help", attack], {}, 2],
    ["a value", ["strength", "--alpha", attack], {}, 2],
    ["a file's name", ["policy", "--input", `/none/${attack}`], {}, 1],
    ["JSON that is none", ["policy", "--input", "-"], { input: attack }, 1],
    ["a field of JSON", ["policy", "--input", "-"], { input: JSON.stringify({ [attack]: 1 }) }, 1],
    ["a model's id", ["models", "path", `acme/tiny:${attack}`], {}, 1],
  ])("%s", async (_, words, around: Surroundings, status) => {
    expect((await onTerminal(words, around)).status).toBe(status);
  });

  test("from a hub", async () => {
    const { createServer } = await import("node:http");
    const server = createServer((_, response) => response.end(`{"sha": "${attack}`)).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const address = server.address() as { port: number };
    const environment = {
      HF_ENDPOINT: `http://127.0.0.1:${address.port}`,
      HF_HUB_CACHE: folder,
      HF_HOME: folder,
    };
    const { status, stderr } = await onTerminal(["models", "pull", "acme/tiny"], { environment });
    server.close();
    expect(status).toBe(1);
    expect(stderr).toMatch(/acme\/tiny/);
  });
});

test("models list shows the names of folders that somebody else made", async () => {
  const cache = join(folder, `cache${attack}`);
  const repository = join(cache, `models--acme--tiny${attack}`);
  const commit = "a".repeat(40);
  mkdirSync(join(repository, "refs"), { recursive: true });
  mkdirSync(join(repository, "snapshots", commit), { recursive: true });
  writeFileSync(join(repository, "refs", `main${attack}`), commit);
  writeFileSync(join(repository, "snapshots", commit, `tiny${attack}.gguf`), "GGUF");
  const { status, stdout } = await onTerminal(["models"], { environment: { HF_HUB_CACHE: cache } });
  expect(status).toBe(0);
  expect(stdout).toContain("acme/tiny");
});

test("verify shows what a subject calls itself and throws", async () => {
  const file = join(folder, "subject.mjs");
  const text = JSON.stringify(attack);
  writeFileSync(
    file,
    `export const name = ${text}; export function guidanceScale() { throw new Error(${text}); }`,
  );
  const { status, stderr } = await onTerminal([
    "verify",
    "--subject",
    file,
    "--law",
    "scale-positive",
    "--runs",
    "2",
  ]);
  expect({ status, stderr }).toMatchObject({ status: expect.any(Number) });
});

test("lab score shows answers that are no sentences of its language", async () => {
  const line = JSON.stringify({
    question: attack,
    answer: `${attack}. Key point: ${attack}.`,
    preference: attack,
  });
  expect(await onTerminal(["lab", "score", "-"], { input: line })).toMatchObject({ status: 0 });
});

test("only terminal/ writes to the outputs, so that nothing goes round this", () => {
  const source = fileURLToPath(new URL("../src", import.meta.url));
  const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".ts"),
  );
  const writing = files.filter((name) =>
    /std(out|err)\.write\(|console\./.test(readFileSync(join(source, name), "utf8")),
  );
  expect(writing.filter((name) => !name.startsWith("terminal"))).toEqual([]);
  expect(writing.length).toBeGreaterThan(0);
});
