/** Methods as data, for whoever can't hand over a function: a page to its worker, a client to a server. */
import { CoreError } from "../errors.js";
import { describeValue } from "../port/given.js";
import { type AmuletParameters, paperParameters } from "../strength/strength.js";
import { adaCadMethod } from "./adacad.js";
import { boundedMethod } from "./bounded.js";
import { withMinP, withPlausibility, withTopNSigma } from "./masks.js";
import {
  amuletExactMethod,
  amuletMethod,
  baseMethod,
  guidanceMethod,
  linearAlignmentMethod,
  type Method,
  preferenceMethod,
} from "./method.js";
import { type GateThresholds, nwcadMethod } from "./nwcad.js";
import { promptCdMethod } from "./promptcd.js";

/** Only tokens that the preference policy finds plausible; the first one is put round the method first. */
export interface MaskDescription {
  /** Share of the preference policy, above 0 and at most 1. */
  readonly plausibility?: number;
  /** Least probability as a share of the best token's, above 0 and at most 1. */
  readonly minP?: number;
  /** Standard deviations below the best logit, from 0. */
  readonly topNSigma?: number;
}

type NamedMethod =
  | { readonly name: "base" | "pref" }
  | { readonly name: "la"; readonly ratio?: number }
  | { readonly name: "guidance"; readonly guidanceScale: number }
  | { readonly name: "amulet" | "amulet-exact"; readonly parameters?: Partial<AmuletParameters> }
  | {
      readonly name: "bounded";
      /** Most KL(π ‖ π_pref) of a token. */
      readonly nats?: number;
      /** x that is not exceeded, instead of parameters. */
      readonly guidanceScale?: number;
      readonly parameters?: Partial<AmuletParameters>;
    }
  | { readonly name: "adacad"; readonly warmup?: number }
  | { readonly name: "nwcad"; readonly thresholds?: GateThresholds }
  | { readonly name: "promptcd"; readonly contrast?: number };

/** One of core's methods with its settings; what is left out is as in core. A name stands for the method as it is. */
export type MethodDescription =
  | "base"
  | "pref"
  | "la"
  | "amulet"
  | "amulet-exact"
  | "bounded"
  | "adacad"
  | "nwcad"
  | "promptcd"
  | (NamedMethod & MaskDescription);

type Maker = (settings: never) => Method;

const makers: { readonly [name in NamedMethod["name"]]: Maker } = {
  base: () => baseMethod(),
  pref: () => preferenceMethod(),
  la: ({ ratio }: { ratio?: number }) => linearAlignmentMethod(ratio),
  guidance: ({ guidanceScale }: { guidanceScale: number }) => guidanceMethod(guidanceScale),
  amulet: (settings: WithParameters) => amuletMethod(parametersOf(settings)),
  "amulet-exact": (settings: WithParameters) => amuletExactMethod(parametersOf(settings)),
  bounded: ({
    nats,
    guidanceScale,
    ...settings
  }: WithParameters & { nats?: number; guidanceScale?: number }) =>
    boundedMethod(nats, guidanceScale === undefined ? parametersOf(settings) : guidanceScale - 1),
  adacad: ({ warmup }: { warmup?: number }) => adaCadMethod(warmup),
  nwcad: ({ thresholds }: { thresholds?: GateThresholds }) => nwcadMethod(thresholds),
  promptcd: ({ contrast }: { contrast?: number }) => promptCdMethod(contrast),
};

interface WithParameters {
  readonly parameters?: Partial<AmuletParameters>;
}

const parametersOf = ({ parameters }: WithParameters) => ({ ...paperParameters, ...parameters });

/**
 * The method that a description names.
 *
 * @throws CoreError `bad-request` for a name that there is none of, `bad-strength` for settings out of range
 */
export function makeMethod(description: MethodDescription): Method {
  const settings: Partial<NamedMethod> & MaskDescription =
    typeof description === "string" ? { name: description } : { ...description };
  const { name, plausibility, minP, topNSigma } = settings;
  // `hasOwn` alone would make a text of whatever was given.
  if (typeof name !== "string" || !Object.hasOwn(makers, name)) {
    const names = Object.keys(makers).join(", ");
    throw new CoreError("bad-request", `There is no method ${describeValue(name)}. There are: ${names}.`);
  }
  let method = makers[name](settings as never);
  if (plausibility !== undefined) method = withPlausibility(method, plausibility);
  if (minP !== undefined) method = withMinP(method, minP);
  if (topNSigma !== undefined) method = withTopNSigma(method, topNSigma);
  return method;
}
