/** What a run is made of, as people write it in YAML, and as it is frozen with every default written out. */
import * as v from "valibot";
import { parse, stringify } from "yaml";
import { EvaluationError } from "../errors.js";
import { methodListSchema } from "../grid/method-lists.js";
import { instructionSchema } from "../scorers/ifeval/instruction.js";
import { paperPreset } from "./paper-preset.js";

const name = v.pipe(v.string(), v.nonEmpty("a text that is not empty"));
const count = (least: number) => v.pipe(v.number(), v.integer(), v.minValue(least));

/** A preference that every question is asked with. */
const preferenceSchema = v.pipe(
  v.strictObject({
    /** As reports call it, and by which computed scores know it. */
    name,
    /** The sentence that states it. */
    text: v.exactOptional(name),
    /** Several at once, each a prompt of its own, which `weights` of methods weigh. */
    parts: v.exactOptional(v.pipe(v.array(v.strictObject({ name, text: name })), v.minLength(2))),
    /** What of it can be verified, for the scorer `ifeval`. */
    instructions: v.exactOptional(v.array(instructionSchema)),
  }),
  v.check(({ text, parts }) => text !== undefined || parts !== undefined, "a text or parts are expected"),
  v.transform(({ text, ...rest }) => ({
    ...rest,
    text: text ?? rest.parts!.map((part) => part.text).join(" "),
  })),
);
export type RunPreference = v.InferOutput<typeof preferenceSchema>;

const questionsSchema = v.strictObject({
  /** `everyday` or another set by its name, a file (.jsonl, .json, .csv, .parquet), or `hub:org/name[:file][@revision]`. */
  source: name,
  /** The column or field that has the question. */
  field: v.optional(name, "question"),
  /** Only the first so many; null takes all. */
  limit: v.optional(v.nullable(count(1)), null),
  /** Whether a question that came before is left out. */
  distinct: v.optional(v.boolean(), false),
});

const answersSchema = v.strictObject({
  maxNewTokens: v.optional(count(1), 128),
  /** 0 takes the most probable token. */
  temperature: v.optional(v.pipe(v.number(), v.finite(), v.minValue(0)), 0),
  /** Answers to each question under each setting; more than one wants a temperature. */
  samples: v.optional(count(1), 1),
  seed: v.optional(v.pipe(v.number(), v.integer()), 0),
  system: v.optional(v.nullable(v.string()), null),
  preferenceIn: v.optional(v.picklist(["question", "system"]), "question"),
});

const measuresSchema = v.strictObject({
  /** The model's own likelihood of the answer under the base prompt, and of the question given the answer. */
  likelihood: v.optional(v.boolean(), false),
  /** A reward model: a folder or a hub id; of several heads the number of one. */
  reward: v.optional(
    v.nullable(v.strictObject({ model: name, head: v.optional(v.nullable(count(0)), null) })),
    null,
  ),
});

/** The methods of a config that names none: the paper's, and how far a budget gets. */
const defaultMethods = [
  { method: "base" },
  { method: "pref" },
  { method: "la", ratio: 2 },
  { method: "amulet", x: 3.5 },
  { method: "amulet", iterations: 60 },
  { method: "bounded", nats: [0.2, 0.5, 2] },
] as const;

const presets: Readonly<Record<string, RunConfigInput>> = { paper: paperPreset };

/** A config without what depends on the model that is taken. */
export const runConfigSchema = v.strictObject({
  /** A file, a folder or a hub id; null is the embedded model. */
  model: v.optional(v.nullable(name), null),
  engine: v.optional(name, "tfjs"),
  /** null takes the best that is here, and the run stays with that. */
  backend: v.optional(v.nullable(name), null),
  questions: questionsSchema,
  /** Empty where the questions state their own. */
  preferences: v.array(preferenceSchema),
  methods: v.optional(v.array(methodListSchema), defaultMethods as never),
  answers: v.optional(answersSchema, {}),
  /** Which scorer judges answers. */
  scores: name,
  /** What models say of answers, once these are complete. */
  measures: v.optional(measuresSchema, {}),
  /** Answers under way at the same time. */
  parallel: v.optional(count(1), 96),
});

export type RunConfig = v.InferOutput<typeof runConfigSchema>;
/** What may be written; whatever is left out has a default. */
export type RunConfigInput = Partial<v.InferInput<typeof runConfigSchema>>;

/**
 * Reads YAML (of which JSON is a part).
 *
 * @param defaults for what the file leaves out and this module can't know
 * @param source the file's name, for errors
 * @throws EvaluationError `bad-config`, with every fault of the file
 */
export function parseConfig(text: string, defaults: RunConfigInput, source: string): RunConfig {
  let value: unknown;
  try {
    value = parse(text) ?? {};
  } catch (cause) {
    throw badConfig(source, `it is no YAML: ${(cause as Error).message.split("\n")[0]}`, cause);
  }
  if (typeof value !== "object" || Array.isArray(value))
    throw badConfig(source, "a mapping of names to values is expected");
  return checkConfig({ ...defaults, ...withPreset(value as Record<string, unknown>, source) }, source);
}

/** `preset: NAME` stands for what that preset says, in whose place the file's own entries go. */
function withPreset({ preset: name, ...value }: Record<string, unknown>, source: string): object {
  if (name === undefined) return value;
  const preset = typeof name === "string" && Object.hasOwn(presets, name) ? presets[name] : undefined;
  if (!preset) {
    const known = Object.keys(presets).join(", ");
    throw badConfig(source, `there is no preset ${JSON.stringify(name)}; there are: ${known}`);
  }
  const parts = (["questions", "answers"] as const).map((part) => {
    const own = value[part];
    return [part, typeof own === "object" ? { ...preset[part], ...own } : (own ?? preset[part])];
  });
  return { ...preset, ...value, ...Object.fromEntries(parts) };
}

/** @throws EvaluationError `bad-config` */
export function checkConfig(value: unknown, source: string): RunConfig {
  const { success, output, issues } = v.safeParse(runConfigSchema, value);
  if (success) return checkSense(output, source);
  throw badConfig(
    source,
    issues.map((issue) => `${v.getDotPath(issue) ?? "the whole"}: ${issue.message}`).join("; "),
  );
}

/** What no type says. */
function checkSense(config: RunConfig, source: string): RunConfig {
  const { samples, temperature } = config.answers;
  if (samples > 1 && temperature === 0)
    throw badConfig(source, `answers.samples is ${samples}, and at temperature 0 all would be the same`);
  if (config.methods.length === 0) throw badConfig(source, "methods is empty");
  if (config.methods.some(({ method }) => method === "beam")) checkBeams(config, source);
  checkWeights(config, source);
  const names = config.preferences.map((preference) => preference.name);
  const double = names.find((one, i) => names.indexOf(one) !== i);
  if (double !== undefined) throw badConfig(source, `two preferences are named ${JSON.stringify(double)}`);
  return config;
}

/** A beam search draws nothing, and reads one prompt. */
function checkBeams({ answers, preferences }: RunConfig, source: string): void {
  if (answers.temperature > 0)
    throw badConfig(source, `a beam search draws nothing, and answers.temperature is ${answers.temperature}`);
  const several = preferences.find(({ parts }) => parts !== undefined);
  if (several)
    throw badConfig(
      source,
      `a beam search reads one prompt, and the preference ${JSON.stringify(several.name)} has parts`,
    );
}

/** Every list of weights has one for each part of every preference. */
function checkWeights({ methods, preferences }: RunConfig, source: string): void {
  const counts = new Set(
    methods.flatMap((list) => ("weights" in list ? (list.weights ?? []) : [])).map(({ length }) => length),
  );
  for (const count of counts) {
    const other = preferences.find(({ parts = [] }) => parts.length !== count);
    if (other)
      throw badConfig(
        source,
        `a method has ${count} weights, and the preference ${JSON.stringify(other.name)} has ` +
          `${other.parts === undefined ? "no parts to weigh" : `${other.parts.length} parts`}`,
      );
    if (preferences.length === 0)
      throw badConfig(source, "a method has weights, and no preference has parts");
  }
}

export function badConfig(source: string, what: string, cause?: unknown): EvaluationError {
  return new EvaluationError("bad-config", `${source} is no config of an evaluation: ${what}.`, { cause });
}

/** A value as YAML, without anchors and line breaks inside of texts. */
export function writeYaml(value: unknown): string {
  return stringify(value, { lineWidth: 0, aliasDuplicateObjects: false });
}
