/** All that the page says. */
export const texts = {
  title: "One token, one dial",
  asked: (question: string, preference: string) =>
    `Asked: “${question}” — and with the preference: “${preference}”`,
  recorded:
    "This answer was recorded from the embedded model. Everything below is computed here, from both prompts' log-probabilities.",
  answer: "Choose a token of the answer",
  strength: "Strength x",
  strengthMeans:
    "At x = 0 the model answers as if there were no preference, at x = 1 as it does when the preference is in the prompt. Past 1, what the preference made more probable grows further.",
  budget: "Budget, in nats",
  unbounded: "none",
  budgetMeans:
    "A budget bounds how far the policy may drift from the preference prompt's. Where x would go past it, the dial stops at the x that fits.",
  used: (x: string, drift: string) => `x used: ${x}. Drift from the preference prompt: ${drift} nats.`,
  candidates: "The candidates",
  base: "base",
  preference: "pref",
  policy: "policy",
  token: "token",
  curve: "What T does: only set x",
  curveMeans:
    "With the paper's α = λ = 2 and η = 10, after T steps Amulet stands at the x drawn here. Nothing else of T is left in the answer.",
  curveLabel: "x over the steps T, and a line at the strength in use",
  plane: "Every token, by both prompts",
  planeMeans:
    "Each point is a token. The dashed line is where both prompts agree. The policy prefers what lies furthest along the arrow's direction, (1 − x, x): when x is large, a token that is improbable under both prompts wins if the preference raised it most, and answers break.",
  planeLabel:
    "Tokens by log-probability under the base and the preference prompt; the most probable one under the policy is marked",
};
