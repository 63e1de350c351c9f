/** What the command knows beside eval itself: the small language, its questions and its scores. */
import {
  computedPreferences,
  computedScorer,
  ifevalScorer,
  type Question,
  type QuestionSets,
  qualityScorer,
  type RunConfigInput,
  type RunPlan,
  type Scorer,
} from "@amulet-ts/eval";
import { choosePairs, labScorer, preferenceSentenceOf } from "@amulet-ts/lab";
import { CliError } from "../../errors.js";

/** Questions of the small language that training never saw with that preference; sixty are no trouble to wait for. */
const labQuestionCount = 60;

export const questionSets: QuestionSets = { lab: labQuestions };

function labQuestions(): Question[] {
  const found = new Map<string, Question>();
  for (const { question, preference } of choosePairs(400).reported) {
    if (found.size === labQuestionCount) break;
    if (found.has(question)) continue;
    const id = `lab-${found.size + 1}`;
    found.set(question, {
      id,
      question,
      preference: { name: preference, text: preferenceSentenceOf(preference) },
    });
  }
  return [...found.values()];
}

/** What a config that says nothing asks the embedded model. */
export const labDefaults: RunConfigInput = {
  questions: { source: "lab" },
  preferences: [],
  answers: { maxNewTokens: 144 },
  scores: "lab",
};

const everydayPreferences = ["concise", "formal", "bullets", "enthusiastic"] as const;

/** The same for any other model. */
export const everydayDefaults: RunConfigInput = {
  questions: { source: "everyday" },
  preferences: everydayPreferences.map((name) => ({ name, text: computedPreferences[name].text })),
  scores: "computed",
};

/** @throws CliError `usage` for a scorer that there is not, EvaluationError `bad-score` for a preference it can't score */
export function scorerOf({ config, pairs }: RunPlan): Scorer {
  if (config.scores === "lab") return labScorer;
  if (config.scores === "computed") {
    return computedScorer(
      Object.fromEntries(
        pairs.map(({ preference, preferenceName, parts }) => [
          preference,
          parts ? parts.map(({ name }) => name) : preferenceName,
        ]),
      ),
    );
  }
  if (config.scores === "quality") return qualityScorer;
  if (config.scores === "ifeval") return ifevalScorer(pairs);
  throw new CliError(
    "usage",
    `There is no scorer ${JSON.stringify(config.scores)}; \`scores\` in the config is computed, quality, ifeval or lab.`,
  );
}
