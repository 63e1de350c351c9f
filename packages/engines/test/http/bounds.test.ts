/**
 * What is said of tokens that a server did not tell, through servers that tell none by name: claims are held against the whole
 * vocabulary in float64, on rows of random logits and on rows that fall off as those of language models do.
 */
import {
  baseMethod,
  boundedMethod,
  chooseGreedily,
  type DecodeEvent,
  type DecodeRequest,
  decode,
  type Explanation,
  guidanceMethod,
  type LanguageModel,
  preferenceMethod,
  withMinP,
  withPlausibility,
} from "@amulet-ts/core";
import { withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import { LogProbabilityServer } from "@amulet-ts/testing/engines/log-probability-server";
import { hashedLogits } from "@amulet-ts/testing/models/hashed-logits";
import { type NextLogits, ToyModel } from "@amulet-ts/testing/models/toy-model";
import { oracles } from "@amulet-ts/verify";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { HttpClient } from "../../src/http/client.js";
import { joinColumns } from "../../src/http/columns.js";
import { findServer } from "../../src/http/servers/find-server.js";
import { HttpSession } from "../../src/http/session.js";

withoutLeaks("cpu");

const V = 160;
const nats = 0.2;

const random = hashedLogits(V, 11, 0.02);

/** A token of rank r weighs about r^-1.3; what both prompts find probable is much the same, and not all the same. */
const fallingOff: NextLogits = (row) => {
  const own = hashedLogits(V, 3, 0)(row);
  const topic = hashedLogits(V, 4, 0)([row.length % 7]);
  const scores = topic.map((logit, id) => 3 * logit + own[id]!);
  const rankOf = new Map(
    [...scores.keys()].sort((a, b) => scores[b]! - scores[a]!).map((id, rank) => [id, rank + 1]),
  );
  // No two weigh the same.
  return scores.map((_, id) => -1.3 * Math.log(rankOf.get(id)!) + 0.3 * own[id]! + id * 1e-6);
};

const shapes = { random, "falling off": fallingOff };

const opened: LogProbabilityServer[] = [];
afterAll(() => Promise.all(opened.map((server) => server.close())));

/** A server that tells no more than `most` tokens of a row. */
async function open(next: NextLogits, most: number): Promise<LanguageModel> {
  const server = new LogProbabilityServer("vllm", {
    next,
    vocabularySize: V,
    mostLogprobs: most,
    names: false,
  });
  opened.push(server);
  const found = await findServer(new HttpClient({ address: await server.listen() }), undefined, {});
  const options = { candidates: Math.min(20, most), vocabularySize: V, ended: new AbortController().signal };
  return {
    name: "toy",
    vocabularySize: V,
    contextLength: 500,
    endTokens: new Set(),
    coverage: "top",
    openSession: (rowCount) => new HttpSession(found, rowCount, options),
  };
}

async function collect(model: LanguageModel, requests: readonly DecodeRequest[]) {
  const answers = requests.map((): (DecodeEvent & { type: "token" })[] => []);
  for await (const event of decode(model, requests))
    if (event.type === "token") answers[event.request]!.push(event);
  return answers;
}

const tokens = fc.array(fc.integer({ min: 0, max: V - 1 }), { minLength: 1, maxLength: 4 });
const prompts = fc.record({ base: tokens, preference: tokens });
const greedy = { choose: chooseGreedily, maxNewTokens: 1 };

function bestOf(logs: ArrayLike<number>, count: number): number[] {
  return Array.from(logs, (_, id) => id)
    .sort((a, b) => logs[b]! - logs[a]!)
    .slice(0, count);
}

/** KL(π ‖ ρ) over the whole vocabulary; π is nothing where it has no entry. */
function divergence(policy: ReadonlyMap<number, number>, other: ArrayLike<number>): number {
  return [...policy].reduce((sum, [id, log]) => sum + Math.exp(log) * (log - other[id]!), 0);
}

/** Bounded Amulet's policy at a γ from what a server told, by its definition. */
function policyAt(gamma: number, base: ArrayLike<number>, preference: ArrayLike<number>, most: number) {
  const told = new Set(bestOf(base, most));
  const least = Math.min(...[...told].map((id) => base[id]!));
  const missing = Math.log(1 - [...told].reduce((sum, id) => sum + Math.exp(base[id]!), 0));
  const ids = bestOf(preference, most);
  const scores = ids.map((id) => {
    const log = told.has(id) ? base[id]! : Math.min(least, missing);
    return preference[id]! + gamma * (preference[id]! - log);
  });
  const logs = oracles.logSoftmax(scores);
  return new Map(ids.map((id, i) => [id, logs[i]!]));
}

describe.each(Object.entries(shapes))("rows that are %s", (_, next) => {
  test("a token that was not told weighs no more than is said", () => {
    fc.assert(
      fc.property(prompts, fc.integer({ min: 1, max: V - 1 }), ({ base, preference }, most) => {
        const rows = [base, preference].map((row) => oracles.logSoftmax(next(row)));
        const told = rows.map((row) => new Map(bestOf(row, most).map((id) => [id, row[id]!])));
        const { logMosts, logRests } = joinColumns(
          told,
          told.map((row) => Math.min(...row.values())),
        );
        for (const [r, row] of rows.entries()) {
          const missing = Array.from(row).filter((_, id) => !told[r]!.has(id));
          expect(Math.max(...missing)).toBeLessThanOrEqual(logMosts[r]! + 1e-6);
          const rest = missing.reduce((sum, log) => sum + Math.exp(log), 0);
          expect(rest).toBeLessThanOrEqual(Math.exp(logRests[r]!));
          expect(rest).toBeGreaterThan(Math.exp(logRests[r]!) - 1e-5);
        }
      }),
      { seed: 18, numRuns: 100 },
    );
  });

  test("bounded Amulet: what is told of its drift is so over the whole vocabulary, and within the budget and what was not seen", async () => {
    let bounds = 0;
    for (const most of [3, 25]) {
      const model = await open(next, most);
      await fc.assert(
        fc.asyncProperty(prompts, async (asked) => {
          const [answer] = await collect(model, [
            { ...asked, ...greedy, method: boundedMethod(nats), explain: true, reportDrift: true },
          ]);
          const [{ explanation, drift, seen, gamma, id }] = answer! as [
            Required<(typeof answer & object)[0]>,
          ];
          const [base, preference] = [asked.base, asked.preference].map((row) =>
            oracles.logSoftmax(next(row)),
          );
          const policy = policyAt(gamma!, base!, preference!, most);
          expect(Math.exp(policy.get(id)!)).toBeGreaterThan(Math.exp(Math.max(...policy.values())) - 1e-5);
          const kl = divergence(policy, preference!);
          expect(drift!).toBeCloseTo(kl, 3);
          expect(explanation!.klFromPreference).toBeCloseTo(kl, 3);
          expect(kl).toBeLessThan(nats - Math.log(seen!.preference) + 1e-4);
          expect(explanation!.klFromBase).toBeLessThan(divergence(policy, base!) + 1e-3);
          bounds += expectBounds(explanation!, base!, preference!, most);
        }),
        { seed: 18, numRuns: 15 },
      );
    }
    expect(bounds).toBeGreaterThan(20);
  });

  test("base and pref are exact, also where they share their rows with bounded Amulet", async () => {
    for (const most of [3, 12]) {
      const model = await open(next, most);
      await fc.assert(
        fc.asyncProperty(prompts, async (asked) => {
          const methods = [baseMethod(), boundedMethod(nats), preferenceMethod()];
          const answers = await collect(
            model,
            methods.map((method) => ({ ...asked, ...greedy, method, reportDrift: method === methods[0] })),
          );
          for (const [i, row] of [
            [0, asked.base],
            [2, asked.preference],
          ] as const) {
            const logs = oracles.logSoftmax(next(row));
            expect(answers[i]![0]!.id).toBe(bestOf(logs, 1)[0]);
            expect(answers[i]![0]!.logProbability).toBeCloseTo(Math.max(...logs), 4);
          }
        }),
        { seed: 18, numRuns: 15 },
      );
    }
  });

  test("any x under a mask: the whole vocabulary's token, or a refusal", async () => {
    const reference = new ToyModel(next, V, new Set());
    const methods = [
      withMinP(guidanceMethod(5), 0.4),
      withPlausibility(guidanceMethod(5), 0.3),
      withMinP(guidanceMethod(0.5), 0.05),
    ];
    const came = { answered: 0, refused: 0 };
    for (const most of [12, 140]) {
      const model = await open(next, most);
      await fc.assert(
        fc.asyncProperty(prompts, fc.constantFrom(...methods), async (asked, method) => {
          const requests = [{ ...asked, ...greedy, method }];
          const found = await collect(model, requests).catch(({ code }) => code);
          if (found === "not-covered") return void came.refused++;
          came.answered++;
          expect(found[0][0].id).toBe((await collect(reference, requests))[0]![0]!.id);
        }),
        { seed: 18, numRuns: 30 },
      );
    }
    expect(came.answered).toBeGreaterThan(10);
    expect(came.refused).toBeGreaterThan(10);
  });
});

/** Of each token that is told of, what was told is exact, and what was not is bounded and marked so. */
function expectBounds(
  { alternatives, baseChoice, preferenceChoice, ...taken }: Explanation,
  base: ArrayLike<number>,
  preference: ArrayLike<number>,
  most: number,
): number {
  const views = [taken, baseChoice, preferenceChoice, ...alternatives];
  const told = [base, preference].map((row) => new Set(bestOf(row, most)));
  for (const view of views) {
    expect(view.isBaseBound ?? false).toBe(!told[0]!.has(view.id));
    expect(view.isPreferenceBound ?? false).toBe(!told[1]!.has(view.id));
    for (const [name, row, isBound] of [
      ["baseProbability", base, view.isBaseBound],
      ["preferenceProbability", preference, view.isPreferenceBound],
    ] as const) {
      const exact = Math.exp(row[view.id]!);
      if (isBound) expect(view[name]).toBeGreaterThanOrEqual(exact * (1 - 1e-4));
      else expect(view[name]).toBeCloseTo(exact, 4);
    }
    const delta = preference[view.id]! - base[view.id]!;
    if (!view.isPreferenceBound) expect(view.delta).toBeLessThan(delta + 1e-3);
    if (!view.isBaseBound) expect(view.delta).toBeGreaterThan(delta - 1e-3);
  }
  return views.filter(({ isBaseBound }) => isBaseBound).length;
}
