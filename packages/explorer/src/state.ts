/** What the page shows, as its address says it: `#q=…&x=5.6&n=0.2`. What is as at first is left out. */
import { type AmuletParameters, guidanceScale, paperParameters } from "@amulet-ts/core";
import realStudies from "./real-studies.json" with { type: "json" };

/** A strength, and the nats that a token may drift from the preference policy; Infinity binds nothing. */
export interface Setting {
  readonly x: number;
  readonly nats: number;
}

export const heats = ["none", "delta", "pref", "base", "x"] as const;
export type Heat = (typeof heats)[number];

export const curveNames = ["strength", "budget", "masked"] as const;
export type CurveName = (typeof curveNames)[number];

export const backendNames = ["fastest", "webgpu", "wasm", "cpu"] as const;
export type BackendChoice = (typeof backendNames)[number];

/** Real models whose studies are shown, as docs/study/real names their files: what they are called. */
export type RealStudyName = keyof typeof realStudies;
export type StudyName = "embedded" | RealStudyName;
export const realStudyTitles: Readonly<Record<RealStudyName, string>> = realStudies;
export const studyNames: readonly StudyName[] = [
  "embedded",
  ...(Object.keys(realStudies) as RealStudyName[]),
];

export interface PageState {
  /** Of the guided path, from 1; 0 is none. */
  readonly step: number;
  readonly question: string;
  readonly preference: string;
  /** Which setting's answer, and which of its tokens. */
  readonly column: number;
  readonly place: number;
  /** Whether x is set by itself, or by T, α, λ and η. */
  readonly dial: "x" | "T";
  readonly x: number;
  readonly parameters: AmuletParameters;
  readonly nats: number;
  /** Settings beside the dial's: at most three. */
  readonly pinned: readonly Setting[];
  readonly heat: Heat;
  readonly study: StudyName;
  readonly curve: CurveName;
  /** A point of the curve whose answer is shown. */
  readonly point: number;
  /** Of its answers, the one to this pair of a question and a preference. */
  readonly pair: number;
  /** A model of the hub; none is the embedded one. */
  readonly model: string;
  /** What a model in the page is computed by. */
  readonly backend: BackendChoice;
  /** How the figure of four corners is turned, in degrees: about the vertical, and towards the eye. */
  readonly turn: readonly [number, number];
}

export const largestX = 12;
export const mostNats = 4;
export const mostPinned = 3;
export const stepCount = 8;

export const firstState: PageState = {
  step: 0,
  question: "How do I make a cup of tea?",
  preference: "Your answer should be uplifting.",
  column: 2,
  place: 0,
  dial: "x",
  x: 5.65,
  parameters: paperParameters,
  nats: Number.POSITIVE_INFINITY,
  pinned: [
    { x: 0, nats: Number.POSITIVE_INFINITY },
    { x: 1, nats: Number.POSITIVE_INFINITY },
  ],
  heat: "none",
  study: "embedded",
  curve: "strength",
  point: -1,
  pair: 7,
  model: "",
  backend: "fastest",
  turn: [-24, 16],
};

/** What the dial stands at. */
export function dialSetting({ dial, x, parameters, nats }: PageState): Setting {
  return { x: dial === "x" ? x : guidanceScale(parameters), nats };
}

/** All settings that are answered side by side; the dial's is the last. */
export function settingsOf(state: PageState): Setting[] {
  return [...state.pinned, dialSetting(state)];
}

/** Core's default, in nats; a test compares. All of core's methods would come with it. */
export const usualBudget = 0.2;

/** A budget for the dial and every strength past 1 that have none, where an engine can't do without. */
export function withBudgets(state: PageState): Pick<PageState, "nats" | "pinned"> {
  const within = (own: number) => (Number.isFinite(own) ? own : usualBudget);
  const bounded = ({ x, nats: own }: Setting) => ({ x, nats: x > 1 ? within(own) : own });
  return { nats: within(state.nats), pinned: state.pinned.map(bounded) };
}

const mostText = 2000;

interface Key<Name extends keyof PageState> {
  readonly key: string;
  write(value: PageState[Name]): string;
  /** Undefined where it is said wrongly. */
  read(text: string): PageState[Name] | undefined;
}

const keys: { readonly [Name in keyof PageState]: Key<Name> } = {
  step: number("step", 0, stepCount, true),
  question: text("q"),
  preference: text("p"),
  column: number("in", 0, mostPinned, true),
  place: number("at", 0, 100_000, true),
  dial: choice("by", ["x", "T"]),
  x: number("x", 0, largestX),
  parameters: {
    key: "dial",
    write: ({ iterations, alpha, lambda, eta }) => [iterations, alpha, lambda, eta].join("_"),
    read: readParameters,
  },
  nats: { key: "n", write: String, read: readNats },
  pinned: {
    key: "pins",
    write: (pinned) => pinned.map(writeSetting).join("_") || "none",
    read: readPinned,
  },
  heat: choice("heat", heats),
  study: choice("study", studyNames),
  curve: choice("curve", curveNames),
  point: number("point", -1, 100, true),
  pair: number("pair", 0, 10_000, true),
  model: text("model"),
  backend: choice("on", backendNames),
  turn: { key: "turn", write: (turn) => turn.join("_"), read: readTurn },
};
const names = Object.keys(keys) as readonly (keyof PageState)[];

/** Reads an address; what it lacks, or says wrongly, is as at first. */
export function readState(hash: string): PageState {
  const said = new URLSearchParams(hash.replace(/^#/, ""));
  const given = names.flatMap((name) => {
    const words = said.get(keys[name].key);
    const value = words === null ? undefined : keys[name].read(words);
    return value === undefined ? [] : [[name, value] as const];
  });
  const state: PageState = { ...firstState, ...Object.fromEntries(given) };
  return { ...state, column: Math.min(state.column, state.pinned.length) };
}

export function writeState(state: PageState): string {
  const said = new URLSearchParams();
  const write = <Name extends keyof PageState>(name: Name) => keys[name].write(state[name]);
  const atFirst = <Name extends keyof PageState>(name: Name) => keys[name].write(firstState[name]);
  for (const name of names) if (write(name) !== atFirst(name)) said.set(keys[name].key, write(name));
  return `#${said}`;
}

function number(key: string, least: number, most: number, isWhole = false) {
  const read = (words: string) => {
    const value = words.trim() === "" ? Number.NaN : Number(words);
    return value >= least && value <= most && (!isWhole || Number.isInteger(value)) ? value : undefined;
  };
  return { key, write: String, read };
}

function text(key: string) {
  return { key, write: String, read: (words: string) => (words.length <= mostText ? words : undefined) };
}

function choice<Choice extends string>(key: string, choices: readonly Choice[]) {
  return { key, write: String, read: (words: string) => choices.find((one) => one === words) };
}

const bounds = {
  iterations: number("T", 0, 100, true),
  alpha: number("α", 0, 4),
  lambda: number("λ", 0.5, 8),
  eta: number("η", 0.1, 100),
};

function readParameters(words: string): AmuletParameters | undefined {
  const values = words.split("_");
  const read = Object.entries(bounds).map(([name, bound], i) => [name, bound.read(values[i] ?? "")] as const);
  if (values.length !== read.length || read.some(([, value]) => value === undefined)) return undefined;
  return Object.fromEntries(read) as unknown as AmuletParameters;
}

function readTurn(words: string): PageState["turn"] | undefined {
  const [about = "", towards = "", ...more] = words.split("_");
  const read = [number("turn", -180, 180).read(about), number("turn", -90, 90).read(towards)] as const;
  const isRight = read[0] !== undefined && read[1] !== undefined && more.length === 0;
  return isRight ? [read[0], read[1]] : undefined;
}

function readNats(words: string): number | undefined {
  return words === "Infinity" ? Number.POSITIVE_INFINITY : number("n", 0, mostNats).read(words);
}

/** `5.65`, or with a budget `5.65n0.2`. */
export function writeSetting({ x, nats }: Setting): string {
  return Number.isFinite(nats) ? `${x}n${nats}` : String(x);
}

function readPinned(words: string): Setting[] | undefined {
  if (words === "none") return [];
  const settings = words.split("_").map(readSetting);
  const areRight = settings.length <= mostPinned && settings.every((setting) => setting !== undefined);
  return areRight ? (settings as Setting[]) : undefined;
}

function readSetting(words: string): Setting | undefined {
  const [x, nats = "Infinity", ...more] = words.split("n");
  const read = { x: number("x", 0, 1000).read(x!), nats: readNats(nats) };
  return read.x === undefined || read.nats === undefined || more.length > 0 ? undefined : (read as Setting);
}
