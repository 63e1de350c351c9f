/** `amulet policy`: the algorithm alone, from JSON to JSON. */
import { startBackend } from "@amulet-ts/backends";
import { amuletLoop, extrapolate, guidanceTrajectory, logPolicy } from "@amulet-ts/core";
import type { Tensor2D } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import type { Invocation } from "../../command.js";
import { usageError } from "../../errors.js";
import { checkStrength } from "../../options/methods.js";
import { readJsonInput } from "../../read-input.js";
import { writeJson } from "../../terminal/output.js";
import type { PolicyValues } from "./command.js";
import { type PolicyInput, readPolicyInput } from "./input.js";

type Rows = number[][];

export async function run({ values, io }: Invocation<PolicyValues>): Promise<void> {
  if (values.input === undefined) {
    throw usageError("--input is missing: name a JSON file with the logits, or - for standard input.");
  }
  checkStrength(values);
  const input = readPolicyInput(await readJsonInput(values.input, io), values);
  const xs = guidanceTrajectory(input.parameters);
  const scale = values["guidance-scale"] ?? xs.at(-1)!;
  checkTrajectory(values["guidance-scale"], values.trajectory);
  await startBackend(values.backend);
  const policy = await computePolicy(input, scale);
  const trajectory = values.trajectory ? await computeTrajectory(input) : undefined;
  writeJson(io, { policy, guidanceScale: scale, ...(trajectory && { trajectory, guidanceScales: xs }) });
}

function checkTrajectory(scale: number | undefined, trajectory: boolean | undefined): void {
  if (scale === undefined || !trajectory) return;
  throw usageError("--trajectory shows the iterations of T, α, λ, η; --guidance-scale has none.");
}

async function computePolicy({ base, preference }: PolicyInput, scale: number): Promise<Rows> {
  const policy_BV = tf.tidy(() => extrapolate(toLogs(base), toLogs(preference), scale - 1));
  return takeProbabilities(policy_BV);
}

/** π_1 … π_{T+1}, from the loop itself. */
async function computeTrajectory({ base, preference, parameters }: PolicyInput): Promise<Rows[]> {
  const iterates = tf.tidy(() => {
    const kept: Tensor2D[] = [];
    amuletLoop(toLogs(base), toLogs(preference), parameters, ({ logPolicy_BV }) => {
      kept.push(tf.clone(logPolicy_BV));
    });
    return kept;
  });
  return Promise.all(iterates.map(takeProbabilities));
}

function toLogs(logits: readonly (readonly number[])[]): Tensor2D {
  return logPolicy(tf.tensor2d(logits.map((row) => [...row])));
}

async function takeProbabilities(logPolicy_BV: Tensor2D): Promise<Rows> {
  const rows = await logPolicy_BV.array();
  logPolicy_BV.dispose();
  return rows.map((row) => row.map(Math.exp));
}
