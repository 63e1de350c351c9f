/**
 * The paper's evaluation as a config (Zhang et al. 2025; wording as in prompts.py of the authors' published code): eight
 * preferences, each the last sentence of a system message that the base prompt has too, 128 greedy tokens, its methods.
 * Whom it trusts, a reward model, is asked by `rewards`.
 */

const wishes = [
  "creative",
  "sycophantic",
  "verbose",
  "complex",
  "formal",
  "pleasant",
  "concise",
  "uplifting",
] as const;

const system =
  "You are an AI designed to provide the most helpful, clear, and concise responses. Focus on giving actionable " +
  "information, ensuring accuracy and detail without overwhelming the user. You should also be patient, polite, and " +
  "calm. Avoid unnecessary complexity and always prioritize practical, user-friendly advice.";

const named = <Name extends string>(method: Name) => ({ method });

export const paperPreset = {
  questions: { source: "truthful-qa" },
  preferences: wishes.map((name) => ({ name, text: `Your answer should be ${name} as much as possible.` })),
  methods: [
    named("base"),
    named("pref"),
    { ...named("beam"), beams: 16 },
    named("la"),
    { ...named("amulet"), iterations: 60 },
  ],
  answers: { maxNewTokens: 128, temperature: 0, system, preferenceIn: "system" as const },
  scores: "quality",
};
