import { guidanceScale, paperParameters } from "@amulet-ts/core";
import { amulet, type Surroundings, tinyModel } from "@amulet-ts/testing/cli/fake-io";
import { fixture } from "@amulet-ts/testing/reference/fixture";
import stringWidth from "string-width";
import { describe, expect, test } from "vitest";

const question = ["What is the answer?", "--max-new-tokens", "12"];
const brief = ["--preference", "Be brief."];
const formal = ["--preference", "Be formal."];

const onTiny = (words: readonly string[], around: Surroundings = {}) =>
  amulet([...words, "--model", tinyModel], around);

interface Generated {
  readonly ids: number[];
  readonly text: string;
  readonly method: string;
  readonly guidanceScale: number | null;
  readonly preferences: { readonly text: string; readonly weight: number }[];
  readonly tokens: {
    readonly text: string;
    readonly id: number;
    readonly guidanceScale?: number;
    readonly klFromPreference: number;
  }[];
}

async function generate(...words: string[]): Promise<Generated> {
  const { status, stdout, stderr } = await onTiny(["generate", ...question, ...words, "--json"]);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return JSON.parse(stdout) as Generated;
}

const refusal = async (...words: string[]) => {
  const { status, stderr } = await onTiny(["generate", ...question, ...words]);
  expect(status).toBe(2);
  return stderr;
};

describe("how an answer is steered", () => {
  test("a budget bounds it where nothing is said; the paper's is one word away, and a strength that is given is obeyed", async () => {
    const unsaid = await generate(...brief);
    const budgeted = await generate(...brief, "--method", "bounded", "--kl-budget", "0.2");
    expect(unsaid).toMatchObject({
      method: "bounded",
      klBudget: 0.2,
      guidanceScale: null,
      ids: budgeted.ids,
    });
    const paper = await generate(...brief, "--method", "amulet");
    expect(paper).toMatchObject({ method: "amulet", guidanceScale: guidanceScale(paperParameters) });
    const given = [
      "--iterations=60",
      "--alpha=2",
      "--lambda=2",
      "--eta=10",
      "--guidance-scale=5.648699006951202",
    ];
    for (const strength of given)
      expect(await generate(...brief, strength)).toMatchObject({ method: "amulet", ids: paper.ids });
    expect(await generate(...brief, "--min-p-mask", "0.1")).toMatchObject({ method: "amulet+min-p" });
    expect(unsaid.ids).not.toEqual(paper.ids);
  });

  describe("several preferences", () => {
    test("each weight belongs to the preference before it; without one it is 1", async () => {
      const { preferences } = await generate(...brief, ...formal, "--weight", "-0.5", ...brief, "--weight=2");
      expect(preferences).toEqual([
        { text: "Be brief.", weight: 1 },
        { text: "Be formal.", weight: -0.5 },
        { text: "Be brief.", weight: 2 },
      ]);
    });

    test("a preference of weight 0 changes nothing, and x times the weight is what counts", async () => {
      const alone = await generate(...brief, "--guidance-scale", "3");
      const withIdle = await generate(...brief, ...formal, "--weight", "0", "--guidance-scale", "3");
      expect(withIdle.ids).toEqual(alone.ids);
      const weighted = await generate(...brief, "--weight", "1.5", "--guidance-scale", "2");
      expect(weighted.ids).toEqual(alone.ids);
      const turned = await generate(...brief, "--weight", "-1", "--guidance-scale", "2");
      expect(turned.ids).not.toEqual(alone.ids);
    });

    test("compare names every preference with its weight", async () => {
      const { stdout } = await onTiny(["compare", ...question, ...brief, ...formal, "--weight", "-0.5"]);
      expect(stdout).toMatch(/^preference {2}What is the answer\? Be brief\.$/m);
      expect(stdout).toMatch(/^pref × -0\.5 What is the answer\? Be formal\.$/m);
    });

    test("a weight without its preference is wrong usage", async () => {
      expect(await refusal("--weight", "2", ...brief)).toMatch(/--weight 2 has no --preference before it/);
      expect(await refusal(...brief, "--weight", "2", "--weight", "3")).toMatch(/has two weights, 2 and 3/);
    });
  });

  describe("bounded Amulet", () => {
    test("every token stays within the budget, and its x is told", async () => {
      const { method, tokens, ids, ...rest } = await generate(...brief, "--kl-budget", "0.01", "--explain");
      expect({ method, ...rest }).toMatchObject({ method: "bounded", guidanceScale: null, klBudget: 0.01 });
      expect(tokens.map(({ id }) => id)).toEqual(ids);
      for (const { klFromPreference, guidanceScale: x } of tokens) {
        // Read back from float32 rows.
        expect(klFromPreference).toBeLessThanOrEqual(0.01 + 1e-6);
        expect(x).toBeGreaterThanOrEqual(1);
        expect(x).toBeLessThanOrEqual(guidanceScale(paperParameters) + 1e-6);
      }
    });

    test("with nothing to spend it is the preference prompt, with plenty it is Amulet", async () => {
      const none = await generate(...brief, "--kl-budget", "0");
      expect(none.ids).toEqual((await generate(...brief, "--method", "pref")).ids);
      const plenty = await generate(...brief, "--kl-budget", "1000", "--guidance-scale", "3");
      expect(plenty.ids).toEqual((await generate(...brief, "--guidance-scale", "3")).ids);
    });

    test("compare shows it beside the others, with its budget", async () => {
      const { stdout } = await onTiny(["compare", ...question, ...brief, "--kl-budget", "0.05"]);
      expect(stdout).toMatch(/^── bounded {2}KL ≤ 0\.05$/m);
      const byDefault = await onTiny(["compare", ...question, ...brief]);
      expect(byDefault.stdout).toMatch(/^── bounded {2}KL ≤ 0\.2$/m);
    });
  });

  test("one beam is greedy decoding of the preference prompt", async () => {
    const greedy = await generate(...brief, "--method", "pref");
    const beam = (beams: string) => generate(...brief, "--method", "beam", "--beams", beams);
    expect((await beam("1")).ids).toEqual(greedy.ids);
    expect((await beam("4")).method).toBe("beam");
    expect(await refusal(...brief, "--method", "beam", "--temperature", "1")).toMatch(
      /--temperature does nothing with --method beam/,
    );
    expect(await refusal(...brief, ...formal, "--method", "beam")).toMatch(/reads one preference prompt/);
  });

  test("a nucleus of all tokens masks nothing, one of the best alone is the preference prompt", async () => {
    const free = await generate(...brief, "--method", "la");
    expect((await generate(...brief, "--method", "la", "--plausibility", "1")).ids).toEqual(free.ids);
    const narrow = await generate(...brief, "--method", "la", "--plausibility", "1e-9");
    expect(narrow.ids).toEqual((await generate(...brief, "--method", "pref")).ids);
  });

  describe("methods of the field", () => {
    const same = async (one: readonly string[], other: readonly string[]) =>
      expect((await generate(...brief, ...one)).ids).toEqual((await generate(...brief, ...other)).ids);

    test.each(["adacad", "nwcad", "promptcd"])("--method %s answers, and has no one x", async (method) => {
      const found = await generate(...brief, "--method", method);
      expect(found).toMatchObject({ method, guidanceScale: null });
      expect(found.ids.length).toBeGreaterThan(0);
    });

    test("AdaCAD's x is told token by token; warmed up all the way it is x = 2", async () => {
      const { tokens } = await generate(...brief, "--method", "adacad", "--explain");
      for (const { guidanceScale: x } of tokens) {
        expect(x).toBeGreaterThanOrEqual(1);
        expect(x).toBeLessThanOrEqual(2);
      }
      await same(["--method", "adacad", "--warmup", "1"], ["--guidance-scale", "2"]);
    });

    test("NWCAD's gate, wide open, is the base prompt, and shut to it the preference prompt", async () => {
      await same(["--method", "nwcad", "--gate", "1,0,0"], ["--method", "base"]);
      await same(["--method", "nwcad", "--gate", "0, 1, 0"], ["--method", "pref"]);
    });

    test("PromptCD without contrast is the preference prompt", async () => {
      await same(["--method", "promptcd", "--contrast", "0"], ["--method", "pref"]);
    });

    test("a negative prompt stands in the base prompt, where the preference stands in the other", async () => {
      for (const place of [[], ["--preference-in", "system"]]) {
        const negative = await generate(
          ...brief,
          ...place,
          "--negative-prompt",
          "Be formal.",
          "--method",
          "base",
        );
        const stated = await generate(...formal, ...place, "--method", "pref");
        expect(negative.ids).toEqual(stated.ids);
        expect(negative).toMatchObject({ negativePrompt: "Be formal." });
      }
      await same(["--negative-prompt", "Be brief.", "--guidance-scale", "7"], ["--method", "pref"]);
      const { stdout } = await onTiny(["compare", ...question, ...brief, "--negative-prompt", "Be formal."]);
      expect(stdout).toMatch(/^base {8}What is the answer\? Be formal\.$/m);
    });

    test("masks at their strictest leave the preference prompt's choice, at their widest the method's", async () => {
      for (const strict of [
        ["--min-p-mask", "1"],
        ["--top-n-sigma", "0"],
      ])
        await same(["--guidance-scale", "7", ...strict], ["--method", "pref"]);
      const wide = ["--min-p-mask", "1e-300", "--top-n-sigma", "1000"];
      await same(["--guidance-scale", "7", ...wide], ["--guidance-scale", "7"]);
      const { method } = await generate(
        ...brief,
        "--plausibility",
        "0.9",
        "--min-p-mask",
        "0.1",
        "--top-n-sigma",
        "1",
      );
      expect(method).toBe("amulet+plausibility+min-p+top-n-sigma");
    });

    test("CoSteer is its one number, and Δ of the model itself the same again", async () => {
      const x = ["--guidance-scale", "1.7832568430850788"];
      await same(["--method", "costeer"], x);
      await same(["--method", "costeer", "--delta-model", tinyModel], x);
      await same(["--method", "costeer", "--beta", "0"], ["--method", "base"]);
      await same(
        ["--negative-prompt", "Be formal.", "--method", "costeer", "--beta", "0"],
        ["--method", "base", "--negative-prompt", "Be formal."],
      );
      await same(
        ["--negative-prompt", "Be formal.", "--guidance-scale", "0", "--delta-model", tinyModel],
        ["--method", "base"],
      );
    });

    test("another model with the same tokens steers, one with others is refused before anything is said", async () => {
      const other = fixture("checkpoints/llama-mha-untied");
      const found = await generate(...brief, "--delta-model", other, "--guidance-scale", "3");
      expect(found).toMatchObject({ deltaModel: "llama-mha-untied", guidanceScale: 3 });
      expect(found.ids).not.toEqual((await generate(...brief, "--guidance-scale", "3")).ids);
      await same(["--delta-model", other, "--guidance-scale", "0"], ["--method", "base"]);
      const { status, stdout, stderr } = await amulet([
        ...["generate", ...question, ...brief, "--delta-model", tinyModel],
      ]);
      expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
      expect(stderr).toMatch(
        /--delta-model must have the tokens of --model: number 0 is "<\|user\|>" in model and "<pad>" in/,
      );
    });

    test.each([
      [["--method", "beam", "--delta-model", "x"], /--delta-model does nothing with --method beam/],
      [["--beta", "2"], /--beta does nothing with --method bounded; it belongs to costeer/],
      [["--warmup", "0.3"], /--warmup does nothing with --method bounded; it belongs to adacad/],
      [["--method", "base", "--min-p-mask", "0.1"], /--min-p-mask does nothing with --method base/],
      [
        ["--strength-schedule", "3:0..", "--top-n-sigma", "1"],
        /--strength-schedule or --top-n-sigma, not both/,
      ],
      [
        ["--method", "nwcad", "--gate", "0.1,0.5"],
        /--gate must be three numbers from 0 to 1 .* it is "0.1,0.5"/,
      ],
      [["--method", "nwcad", "--gate", "0.1,,0.5"], /--gate must be three numbers/],
      [["--method", "nwcad", "--gate", "0.1,0.5,2"], /--gate must be three numbers/],
      [["--method", "adacad", "--warmup", "2"], /--warmup must be a number between 0 and 1; it is 2/],
      [["--negative-prompt", " "], /The --negative-prompt is empty/],
    ])("%j is wrong usage", async (words, sentence) => {
      expect(await refusal(...brief, ...words)).toMatch(sentence);
    });
  });

  test.each([
    ["--lambda", "0"],
    ["--lambda", "1e-300"],
    ["--alpha", "1e300"],
  ])("%s %s, past float32, is refused in one sentence by loop and collapse", async (option, value) => {
    const said = await Promise.all(
      ["amulet", "amulet-exact", "bounded"].map((method) =>
        refusal(...brief, "--method", method, option, value),
      ),
    );
    expect(said[0]).toMatch(/^amulet: The guidance scale \(x\) must be a number within ±1000000, [^\n]+\n$/);
    expect(new Set(said).size).toBe(1);
  });

  test("an η of 5e-324 takes no step, by loop and collapse", async () => {
    const { ids } = await generate(...brief, "--method", "pref");
    for (const method of ["amulet", "amulet-exact"])
      expect((await generate(...brief, "--method", method, "--eta", "5e-324")).ids).toEqual(ids);
  });

  test("a schedule of one part is that strength, and parts hold for their tokens", async () => {
    const constant = await generate(...brief, "--strength-schedule", "3:0..");
    expect(constant.ids).toEqual((await generate(...brief, "--guidance-scale", "3")).ids);
    const { tokens } = await generate(...brief, "--strength-schedule", "1:0..2, 4:2..", "--explain");
    expect(tokens.map(({ guidanceScale: x }) => x)).toEqual(tokens.map((_, i) => (i < 2 ? 1 : 4)));
    const both = ["--strength-schedule", "3:0..", "--guidance-scale", "2"];
    expect(await refusal(...brief, ...both)).toMatch(/not both/);
  });

  describe("explanations", () => {
    test("JSON has one for each token, whose texts make up the answer", async () => {
      const { tokens, ids, text } = await generate(...brief, "--explain");
      expect(tokens.map(({ id }) => id)).toEqual(ids);
      expect(text.startsWith(tokens.map((token) => token.text).join(""))).toBe(true);
    });

    test("a pipe gets a plain table, a terminal colours and a legend", async () => {
      const words = ["generate", ...question, ...brief, "--explain"];
      const piped = (await onTiny(words)).stdout;
      expect(piped).not.toContain("\x1b");
      expect(piped).toMatch(/^token +base +pref +final +Δ +rank +x +KL base +KL pref$/m);
      const shown = (await onTiny(words, { isTTY: true, columns: 120 })).stdout;
      expect(shown).toContain("\x1b[");
      expect(shown).toContain("the preference makes a token more likely");
      for (const line of shown.split("\n")) expect(stringWidth(line)).toBeLessThanOrEqual(120);
    });
  });
});
