/** All that the page says. */
import type { ModelNeeds, WebEngine } from "@amulet-ts/web";
import {
  type BackendChoice,
  type CurveName,
  type Heat,
  realStudyTitles,
  type Setting,
  type StudyName,
} from "../src/state.js";
import type { KeptAnswer, Measure, Study } from "../src/study.js";

const two = (value: number) => (Number.isFinite(value) ? value.toFixed(2).replace(/\.?0+$/, "") : "∞");
/** Small shares keep two digits: how many times one is another is what is to be seen. */
function percent(share: number): string {
  const hundredths = 100 * share;
  if (hundredths >= 1 || share === 0) return `${hundredths.toFixed(1)} %`;
  if (hundredths >= 0.01) return `${hundredths.toFixed(2)} %`;
  return hundredths < 1e-5 ? "≈ 0 %" : `${hundredths.toPrecision(2)} %`;
}
const megabytes = (bytes: number) =>
  bytes < 1e6
    ? `${Math.ceil(bytes / 1e3)} kB`
    : bytes < 1e9
      ? `${(bytes / 1e6).toFixed(1)} MB`
      : `${(bytes / 1e9).toFixed(2)} GB`;

function settingName({ x, nats }: Setting): string {
  if (x === 0) return "base";
  if (x === 1) return "pref";
  return Number.isFinite(nats) ? "bounded" : "Amulet";
}

function settingSays({ x, nats }: Setting): string {
  return Number.isFinite(nats) && x > 1 ? `x up to ${two(x)}, at most ${two(nats)} nats` : `x = ${two(x)}`;
}

const curveAxis: Readonly<Record<CurveName, string>> = {
  strength: "x",
  budget: "budget in nats",
  masked: "ratio",
};

const measureName: Readonly<Record<Measure, string>> = {
  preference: "follows the preference",
  grammaticality: "grammatical",
  fluency: "fluent",
  relevance: "on topic",
  words: "has the question's words",
};

export const texts = {
  title: "Amulet, one token at a time",
  lead: (isServed: boolean) =>
    `A language model reads your question twice, once with your preference behind it. Between the two readings lies a dial. Turn it, and see what becomes of the answer. ${isServed ? "The model is that of the server which this page comes from." : "The model runs here, in this page."}`,
  two,
  percent,
  megabytes,
  setting: { name: settingName, says: settingSays },

  path: {
    start: "Show me, in eight steps",
    label: "Guided path",
    of: (step: number, count: number) => `Step ${step} of ${count}`,
    back: "Back",
    next: "Next",
    leave: "Leave the path",
    end: "Done",
    other: "These steps tell of the small model in this page, and another one answers now.",
    useEmbedded: "Let the small model answer",
    steps: [
      {
        title: "One model, two prompts",
        says: "The model reads your question bare (base) and with your preference behind it (pref). Each reading gives every possible next word-piece, or token, a probability. This is the first token of the answer: base goes on with “Here”, pref with “You”. Answers are long rows of such choices. The third answer goes by both readings, and the next steps say how.",
      },
      {
        title: "What x is",
        says: "x says how far to go from base towards pref, and past it. At 0 the orange bars are base's, at 1 they are pref's. Past 1 they go on in the same direction: what the preference made likelier grows further, everything else shrinks. Drag x and watch. That is the whole of Amulet: one dial.",
      },
      {
        title: "A direction in a plane",
        says: "Each dot is a token: to the right if base finds it likely, up if pref does. Above the dashed line are tokens that the preference raised. x turns the arrow, and the token that lies furthest along it is said. At 0 the arrow points right, at 1 up; beyond, it leans left, away from what base would say.",
      },
      {
        title: "Why T only sets x",
        says: "The paper runs T small steps of an optimisation at each token, with weights α, λ and η. But a step can do no more than mix the two readings anew, and x is the mixture: T steps walk to some x. Drag T: the dot climbs the curve, and every bar and dot above moves exactly as if you had dragged x. On one line of the second figure, every T and α give one answer.",
      },
      {
        title: "The same point, by climbing",
        says: "Three candidates of a later token and all the rest are the corners of a body; a dot near a corner means that this one is nearly certain. The curve is the path of x from base through pref to 12. The thin lines are heights of the paper's objective, like those on a map. Press “Climb”: gradient ascent, which knows nothing of x, ends where the dial already stands.",
      },
      {
        title: "Why too much breaks answers",
        says: "Here both prompts want “Also”, and pref likes “Better” more than base does. “help” has less than one chance in ten thousand. But pref happens to make it 62 times likelier than base: among improbable tokens such factors are mostly noise. x = 5.65 multiplies by that factor 4.65 times over, by 200 million in all, and noise wins. At x = 3 “Better” leads.",
      },
      {
        title: "What a budget changes",
        says: "A budget says how far the bars of a token may drift from pref's, measured in nats (KL: 0 is no change). To let “help” win would cost 9.7 nats; 0.2 are allowed, so here the dial stops at 2.41 by itself. At the first token all of 5.65 fits. Above are both answers: the same dial, without a budget and with it. Only the first one breaks.",
      },
      {
        title: "A whole answer, and 400 of them",
        says: "In the answers above, colours show how much x each token was allowed. This is the study: the same dial on 400 questions, scored exactly. With x the preference score rises and then falls with the grammar; with a budget it goes on rising. Click a point to read answers from there. Then ask a question of your own.",
      },
    ],
  },

  ask: {
    title: "Ask",
    question: "Question",
    preference: "Preference",
    go: "Answer",
    stop: "Stop",
    questions: [
      "How do I make a cup of tea?",
      "How do I cook rice without a mess?",
      "How do I learn languages?",
      "How do I sleep better?",
      "How do I save money?",
    ],
    preferences: [
      "uplifting",
      "concise",
      "formal",
      "pleasant",
      "creative",
      "verbose",
      "complex",
      "sycophantic",
    ].map((name) => `Your answer should be ${name}.`),
    keep: "Keep this setting beside",
    drop: (setting: Setting) => `Take away ${settingName(setting)}, ${settingSays(setting)}`,
    choose: "Click a token, or use the arrow keys, to put it under the loupe.",
    again: "The dial has moved since this answer.",
    answerOf: (setting: Setting) => `Answer of ${settingName(setting)}, ${settingSays(setting)}`,
    empty: "Not answered yet.",
    scores: (grammatical: number, onTopic?: number, preference?: { name: string; strength: number }) =>
      [
        `grammatical ${grammatical.toFixed(2)}`,
        ...(onTopic === undefined ? [] : [`on topic ${onTopic.toFixed(2)}`]),
        ...(preference ? [`${preference.name} ${preference.strength.toFixed(2)}`] : []),
      ].join(" · "),
    share: "Copy link",
    code: "Copy as code",
    copied: "Copied.",
    notCopied: "The browser does not let this page copy. Mark the text and copy it yourself.",
    program: "Program",
    command: "Command",
    close: "Close",
  },

  answer: {
    status: {
      growing: "answering …",
      whole: "",
      cut: "cut at 128 tokens",
      stopped: "stopped",
      failed: "Not answered: why stands above.",
    },
    read: ({ setting, tokens }: { setting: Setting; tokens: readonly { text: string }[] }) =>
      `${settingName(setting)}, ${settingSays(setting)}: ${tokens.map(({ text }) => text).join("")}`,
    heat: "Colour tokens by",
    heats: {
      none: "nothing",
      delta: "Δ, what the preference changed",
      pref: "drift from pref, KL",
      base: "distance from base, KL",
      x: "x that was used",
    } satisfies Record<Heat, string>,
    legend: {
      none: ["", ""],
      delta: ["made less likely", "made likelier"],
      pref: ["0 nats", "1 nat or more"],
      base: ["0 nats", "4 nats or more"],
      x: ["x = 0", "x = 6 or more"],
    } satisfies Record<Heat, readonly [string, string]>,
    here: (token: string, parts: readonly string[]) => `${token}: ${parts.join(" · ")}`,
    wouldSay: (base: string, preference: string, policy: string) =>
      `base would say ${base}, pref ${preference}, the policy ${policy}`,
    measures: (delta: number, drift: number, fromBase: number, x: number) =>
      `Δ ${delta.toFixed(2)}, drift from pref ${drift.toFixed(3)} nats, from base ${fromBase.toFixed(3)}, x ${two(x)}`,
    hint: "Point at a token, or move to it by the arrow keys: here stands what would have been said otherwise.",
    rewrite: "Rewrite from this token on",
    rewriteMeans:
      "Keeps what stands before the token, and says the rest anew with the preference and the dial as they stand now. While an answer grows, both may be changed too: what follows obeys.",
  },

  token: {
    title: "One token",
    under: (text: string, at: number, setting: Setting) =>
      `Token ${at + 1} of ${settingName(setting)}'s answer: ${text}. Below is what could have stood there.`,
    noToken: "The first token. Below is what could stand there.",
    waiting: "Both prompts are being read up to here …",
    by: "Set the strength",
    byX: "by x itself",
    byT: "by the paper's T, α, λ, η",
    x: "Strength x",
    T: "T, steps",
    alpha: "α, pull of the preference",
    lambda: "λ, pull back to pref",
    eta: "η, learning rate",
    nats: "Budget",
    natsUnit: (nats: number) => `${two(nats)} nats`,
    unbounded: "none",
    used: (x: number, drift: number, isCut: boolean) =>
      `${isCut ? `The budget stops the dial at x = ${x.toFixed(2)}` : `x = ${x.toFixed(2)}`}. Drift from pref: ${drift.toFixed(3)} nats.`,
    candidates: "Candidates",
    candidatesMean: "Tokens that some strength brings to the front, and their probability; ␣ is a space.",
    name: "token",
    rest: "the rest",
    partial: (base: number, preference: number, count: number) =>
      `The model's server gives the most probable tokens alone: here stand ${count} of them, ${percent(base)} of base's and ${percent(preference)} of pref's probability. All others are one bar, “the rest”, and what is said of strengths past 1 leaves out what lies in it.`,
    base: "base",
    preference: "pref",
    policy: "policy",
  },

  curve: {
    title: "T only sets x",
    steps: (T: number, x: number) => `${T}, so x = ${two(x)}`,
    growth: (alpha: number, lambda: number) => {
      if (alpha < lambda)
        return `α < λ: as T grows, x tends to λ/(λ − α) = ${two(lambda / (lambda - alpha))} and stops there.`;
      if (alpha === lambda)
        return "α = λ, as in the paper: x grows like the logarithm of T, slower and slower, without a limit.";
      return `α > λ: x grows like T to the power α/λ − 1 = ${two(alpha / lambda - 1)}, without a limit.`;
    },
    label: (x: number) => `x over T; the dial is at x = ${two(x)}`,
    same: "One line, one answer",
    sameMeans:
      "Along each line x is the same, whatever T and α, and so is every probability. Click to go there.",
    sameLabel: "Lines of equal x over T and α",
  },

  plane: {
    title: "Every token, by both prompts",
    means:
      "The arrow is the direction (1 − x, x). The token furthest along it is the most probable one: large dots are the candidates. When x is large, a token that is improbable under both may lie furthest.",
    label: (token: string) =>
      `All tokens by log-probability under base and pref; the policy's first is ${token}`,
    across: "log π base →",
    up: "↑ log π pref",
  },

  simplex: {
    title: "The path of x",
    means: (tokens: readonly string[]) =>
      `Corners: ${tokens.join(", ")}, and all other tokens together. A dot near a corner means: nearly certain. Drag to turn.`,
    label: (x: number) =>
      `Tetrahedron of three candidates and the rest, with the path of x; the policy is at x = ${two(x)}`,
    turn: "Turn",
    tilt: "Tilt",
    degrees: (value: number) => `${value}°`,
    rest: (share: number) => `The rest together: ${percent(share)}.`,
    climb: "Climb",
    height: (gap: number, step: number) =>
      gap < 5e-7
        ? `After ${step} steps of gradient ascent: at the closed form's point.`
        : `After ${step} steps of gradient ascent, ${gap.toPrecision(2)} below the objective's maximum.`,
    notClimbed: "Gradient ascent on the objective starts at pref and does not know the closed form.",
    legend: "grey: base · blue: pref · orange: policy · dashed: beyond the budget",
  },

  study: {
    title: "The study",
    model: "Model",
    models: { embedded: "embedded, 400 questions", ...realStudyTitles } satisfies Record<StudyName, string>,
    means:
      "The study asks the embedded model 400 questions that its training never paired with that preference. Its language has a grammar, so each answer is scored exactly. Bands are 95 % intervals.",
    meansReal: (study?: Study) =>
      study
        ? `The same on a real model, ${study.model}: ${study.questions} questions under four preferences that can be counted, with at most ${study.maxNewTokens} tokens. Its curves are why a dial must be turned for each model. Bands are 95 % intervals.`
        : "Its numbers are on their way …",
    failed: (why: string) => `The study's data could not be fetched. ${why}`,
    curve: "Curve",
    curves: {
      strength: "strength x",
      budget: "budget, x up to 5.65",
      masked: "Linear Alignment, masked",
    } satisfies Record<CurveName, string>,
    axis: curveAxis,
    measures: measureName,
    label: (name: string) => `Scores over ${name}`,
    point: "Point",
    at: (curve: CurveName, value: number) =>
      curve === "budget" ? `a budget of ${two(value)} nats` : `${curveAxis[curve]} = ${two(value)}`,
    pointSays: (at: string, parts: readonly string[]) => `At ${at}, on average: ${parts.join(", ")}.`,
    drift: (nats: number) => `drift ${nats.toFixed(3)} nats a token`,
    question: "Question",
    preference: "Preference",
    previous: ["‹", "Previous question"],
    next: ["›", "Next question"],
    none: "Click a point, or move the slider, to read answers of that setting beside the preference prompt's.",
    waiting: "The model is still loading.",
    fetching: "The answers are on their way …",
    answering: "answering …",
    empty: "It said nothing.",
    same: "Word for word the preference prompt's answer.",
    masked: "Linear Alignment, masked",
    askHere: "Ask this above",
    kept: (measures: readonly Measure[], [, scores, drift, tokens, isCut]: KeptAnswer) =>
      [
        ...measures.map((measure, i) => `${measureName[measure]} ${scores[i]!.toFixed(2)}`),
        `drift ${drift.toFixed(2)} nats a token`,
        `${tokens} ${tokens === 1 ? "token" : "tokens"}${isCut ? ", cut there" : ""}`,
      ].join(" · "),
  },

  model: {
    title: "Any model",
    means:
      "A Llama-like or GPT-2 model of your own: it stays in this browser, and nothing is sent anywhere. Drop a .gguf file, or a folder with config.json, tokenizer.json and .safetensors.",
    embedded: "the embedded model",
    backend: "Models in this page are computed by",
    backends: {
      fastest: "the fastest that is here",
      webgpu: "the graphics card (WebGPU)",
      wasm: "the processor (WebAssembly)",
      cpu: "JavaScript alone",
    } satisfies Record<BackendChoice, string>,
    server: "the server's model",
    onServer: (name: string, host: string) => `${name}, of the server at ${host}`,
    needsBudget:
      "It gives its most probable tokens alone: past x = 1 the dial needs a budget, and begins with one.",
    serverSaid: (status: number) => `The server answered with status ${status}.`,
    key: "Key of this server",
    keyMeans:
      "This server answers to whoever has its key. It is kept in this page's memory alone, and gone when you leave; until then the small model in this page answers.",
    useKey: "Use the server's model",
    backToServer: "Back to the server's model",
    loading: "Loading the model …",
    loadingNamed: (name: string) => `Loading ${name} …`,
    ready: (name: string, { parameterCount, backend, loadMs, model }: WebEngine) =>
      `${name} · ${(parameterCount / 1e6).toFixed(2)} million parameters, ${model.vocabularySize} tokens · ${backend.name} · loaded in ${(loadMs / 1000).toFixed(1)} s`,
    drop: "Drop files here, or anywhere on this page",
    file: "Choose a file",
    folder: "Choose a folder",
    hub: "Or a model of the Hugging Face hub",
    hubHint: "org/name, or org/name:file.gguf",
    look: "Look it up",
    hubMeans: "Only this asks another host, huggingface.co, and only when you press the button.",
    wrongName: (words: string) =>
      `“${words}” is no name of the hub: org/name was expected, such as HuggingFaceTB/SmolLM2-135M-Instruct.`,
    notThere: (name: string, why: string) => `${name} could not be looked up: ${why}.`,
    nothingFits: (name: string) =>
      `${name} has no .gguf file, and no config.json with .safetensors, that this page could read.`,
    reading: "Reading its header …",
    needs: (name: string, { family, parameterCount }: ModelNeeds, bytes: number) =>
      `${name}: ${family}, ${(parameterCount / 1e6).toFixed(1)} million parameters, ${megabytes(bytes)} to read.`,
    memory: ({ neededBytes, limitBytes, refusal }: ModelNeeds) =>
      refusal === undefined
        ? `Needs about ${megabytes(neededBytes)} of memory, of at most ${megabytes(limitBytes)} here: it fits.`
        : `It does not fit. ${refusal}`,
    load: "Load it",
    fetch: (bytes: number) => `Fetch ${megabytes(bytes)} and keep it in this browser`,
    fetching: (done: number, total: number) => `${megabytes(done)} of ${megabytes(total)}`,
    failed: (why: string) => `It could not be opened. ${why}`,
    back: "Back to the embedded model",
    kept: "Kept in this browser",
    keptNone: "No model is kept in this browser.",
    remove: (name: string) => `Delete ${name}`,
    open: "Open",
    linked: (name: string) => `This link was made with ${name}. Look it up below to see the same.`,
  },

  footer:
    "Amulet is by Zhang et al. (ICLR 2025); this page and its closed form belong to an independent implementation in TypeScript.",
};
