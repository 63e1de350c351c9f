/** From the field `amulet` to how an answer is steered: which prompts, by which method. */
import {
  type AmuletParameters,
  type Change,
  defaultDriftBudget,
  type ExplainOptions,
  type Method,
  type MethodDescription,
  makeMethod,
  type PreferencePlace,
  strengthSchedule,
  type TokenRow,
  type WeightedPreference,
} from "@amulet-ts/core";
import { ServerError } from "../errors.js";
import {
  type DialName,
  dialFields,
  type MethodName,
  methodNames,
  type Steering,
} from "../protocol/steering.js";

/** What is to be followed, and what is moved away from. */
export interface Wishes {
  readonly preferences: readonly WeightedPreference[];
  readonly negativePrompt: string | undefined;
  readonly place: PreferencePlace | undefined;
}

/** How a method is told of: x, and the nats that bound it. */
export interface Dial {
  readonly method: Method;
  readonly name: string;
  readonly budget?: number;
  /** What a schedule changes between two tokens. */
  readonly beforeToken?: (generated: readonly number[]) => Change;
}

export interface Steer extends Wishes {
  readonly dial: Dial;
  readonly explain: boolean | ExplainOptions;
  /** Whether both prompts' whole policies are told with every token. */
  readonly policies: boolean;
  /** Whether its pieces go out as they come. */
  readonly stream: boolean;
  /** What the answer has already. */
  readonly begun: TokenRow;
}

interface Asked {
  readonly stream?: boolean | null | undefined;
  readonly guidance_scale?: number | null | undefined;
  readonly negative_prompt?: string | null | undefined;
  readonly amulet?: Steering | null | undefined;
}

/**
 * @param standing the preference of the profile that was chosen, which one of the request's own replaces
 * @throws ServerError `bad-request`, naming the field; CoreError `bad-strength`
 */
export function readSteer(asked: Asked, standing: string | undefined, dials: Dials): Steer {
  const settings = joinLevels(asked);
  const preferences = readPreferences(settings, standing);
  const wishes = {
    preferences,
    negativePrompt: settings.negative_prompt ?? undefined,
    place: settings.preference_in ?? undefined,
  };
  const told = {
    ...readExplain(settings),
    stream: asked.stream ?? false,
    begun: settings.begun ?? [],
  };
  if (preferences.length === 0 && wishes.negativePrompt === undefined) {
    refuseWithoutPreference(settings);
    return { ...wishes, dial: dials.take("base", {}), ...told };
  }
  const name = chooseMethod(settings);
  checkDials(settings, name);
  return { ...wishes, dial: dials.take(name, settings), ...told };
}

function readExplain({ explain }: Steering): Pick<Steer, "explain" | "policies"> {
  if (typeof explain !== "object" || explain === null) return { explain: explain ?? false, policies: false };
  return { explain: given({ alternatives: explain.alternatives }), policies: explain.policies ?? false };
}

/** `guidance_scale` and `negative_prompt` mean the same at the top. An empty negative prompt is none, as elsewhere. */
function joinLevels({ guidance_scale, negative_prompt, amulet }: Asked): Steering {
  const above = { guidance_scale, negative_prompt: negative_prompt?.trim() === "" ? null : negative_prompt };
  const settings: Record<string, unknown> = { ...amulet };
  for (const [name, value] of Object.entries(above)) {
    if (value === undefined || value === null) continue;
    const within = settings[name] ?? value;
    if (within !== value)
      throw new ServerError(
        "bad-request",
        `${name} is given twice, at the top and in amulet: give it once.`,
        {
          param: name,
        },
      );
    settings[name] = value;
  }
  return settings;
}

function readPreferences(
  { preference, preferences }: Steering,
  standing: string | undefined,
): WeightedPreference[] {
  if (isGiven(preference) && isGiven(preferences))
    throw new ServerError("bad-request", "Give amulet.preference or amulet.preferences, not both.", {
      param: "amulet.preferences",
    });
  if (preferences) return preferences.map(({ text, weight }) => ({ text, weight: weight ?? 1 }));
  const one = preference ?? standing;
  return one === undefined ? [] : [{ text: one, weight: 1 }];
}

/** Without a preference both prompts are the same, and so is every policy between and past them. */
function refuseWithoutPreference(settings: Steering): void {
  const strength = dialNames.find((name) => isGiven(settings[name]));
  const asked = strength ?? (isGiven(settings.method) && settings.method !== "base" ? "method" : undefined);
  if (asked === undefined) return;
  throw new ServerError(
    "bad-request",
    `${asked} says how strongly a preference is followed, and there is none: give amulet.preference, such as ` +
      '"Your answer should be concise.", or a negative_prompt.',
    { param: "amulet.preference" },
  );
}

const isGiven = <T>(value: T): value is NonNullable<T> => value !== undefined && value !== null;

const dialNames = Object.keys(dialFields) as DialName[];
const parameterNames = ["iterations", "alpha", "lambda", "eta"] as const;
const maskNames = ["plausibility", "min_p_mask", "top_n_sigma"] as const;

const loops: readonly MethodName[] = ["amulet", "amulet-exact", "bounded"];
const steering = methodNames.filter((name) => name !== "base" && name !== "pref");

/** The methods that a dial does something with. */
const methodsOf: Record<DialName, readonly MethodName[]> = {
  guidance_scale: ["amulet", "bounded"],
  iterations: loops,
  alpha: loops,
  lambda: loops,
  eta: loops,
  kl_budget: ["bounded"],
  plausibility: steering,
  min_p_mask: steering,
  top_n_sigma: steering,
  ratio: ["la"],
  warmup: ["adacad"],
  contrast: ["promptcd"],
  schedule: ["amulet"],
};

/** Where a strength or a mask is given it is Amulet's; else a budget bounds it (docs/decisions/0012). */
function chooseMethod(settings: Steering): MethodName {
  const strengths = ["guidance_scale", "schedule", ...parameterNames, ...maskNames] as const;
  const byDefault = strengths.some((name) => isGiven(settings[name])) ? "amulet" : "bounded";
  const asked = settings.method ?? byDefault;
  return asked === "amulet" && isGiven(settings.kl_budget) ? "bounded" : asked;
}

function checkDials(settings: Steering, method: MethodName): void {
  const idle = dialNames.find((name) => isGiven(settings[name]) && !methodsOf[name].includes(method));
  if (idle !== undefined)
    throw new ServerError(
      "bad-request",
      `${idle} does nothing with the method ${method}; it belongs to ${methodsOf[idle].join(" and ")}.`,
      { param: `amulet.${idle}` },
    );
  if (!isGiven(settings.schedule)) return;
  const other = (["guidance_scale", ...parameterNames, ...maskNames] as const).find((name) =>
    isGiven(settings[name]),
  );
  if (other !== undefined)
    throw new ServerError("bad-request", `Give schedule or ${other}, not both.`, {
      param: "amulet.schedule",
    });
}

/** Steps of the exact loop that a token may cost: everybody waits for them. */
const mostExactSteps = 256;

function describeMethod(name: MethodName, settings: Steering): MethodDescription {
  const masks = given({
    plausibility: settings.plausibility,
    minP: settings.min_p_mask,
    topNSigma: settings.top_n_sigma,
  });
  const scale = given({ guidanceScale: settings.guidance_scale });
  const parameters = { parameters: readParameters(settings) };
  switch (name) {
    case "amulet":
      if (scale.guidanceScale !== undefined)
        return { name: "guidance", guidanceScale: scale.guidanceScale, ...masks };
      return { name, ...parameters, ...masks };
    case "amulet-exact":
      if ((settings.iterations ?? 0) > mostExactSteps)
        throw new ServerError(
          "bad-request",
          `iterations must be at most ${mostExactSteps} with amulet-exact; amulet gives the same policy in one step.`,
          { param: "amulet.iterations" },
        );
      return { name, ...parameters, ...masks };
    case "bounded":
      return { name, ...given({ nats: settings.kl_budget }), ...scale, ...parameters, ...masks };
    default:
      return {
        name,
        ...given({ ratio: settings.ratio, warmup: settings.warmup, contrast: settings.contrast }),
        ...masks,
      };
  }
}

function readParameters({ iterations, alpha, lambda, eta }: Steering): Partial<AmuletParameters> {
  return given({ iterations, alpha, lambda, eta: eta === "Infinity" ? Number.POSITIVE_INFINITY : eta });
}

function given<T extends object>(values: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => isGiven(value))) as {
    [K in keyof T]?: NonNullable<T[K]>;
  };
}

/** One method for each setting: answers that share the object are one batch. Those of late are kept. */
export class Dials {
  private readonly made = new Map<string, Dial>();

  constructor(private readonly most = 256) {}

  /** @throws CoreError `bad-strength` */
  take(name: MethodName, settings: Steering): Dial {
    const { schedule } = settings;
    const description = describeMethod(name, settings);
    const key = JSON.stringify([description, schedule], (_, value) =>
      value === Number.POSITIVE_INFINITY ? "∞" : value,
    );
    const dial = this.made.get(key) ?? makeDial(name, description, settings);
    this.made.delete(key);
    this.made.set(key, dial);
    if (this.made.size > this.most) this.made.delete(this.made.keys().next().value!);
    return dial;
  }
}

function makeDial(name: MethodName, description: MethodDescription, { schedule, kl_budget }: Steering): Dial {
  if (isGiven(schedule)) {
    const { methodAt, beforeToken } = strengthSchedule(schedule);
    return { name: "schedule", method: methodAt(0), beforeToken };
  }
  const budget = name === "bounded" ? { budget: kl_budget ?? defaultDriftBudget } : {};
  return { name, method: makeMethod(description), ...budget };
}
