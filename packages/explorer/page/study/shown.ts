/** Which study is looked at, which of its curves, at which point, and by which question. */
import { computed } from "@preact/signals-core";
import type { CurveName, Setting } from "../../src/state.js";
import type { Study } from "../../src/study.js";
import { change, state } from "../store.js";
import { embeddedPairs, embeddedStudy, keptAnswers, realStudy } from "./data.js";

export const shownName = computed(() => state.value.study);
export const study = computed((): Study | undefined =>
  shownName.value === "embedded" ? embeddedStudy : realStudy(shownName.value),
);
const wantedCurve = computed(() => state.value.curve);
export const shownCurve = computed(
  (): CurveName => (!study.value || study.value.curves[wantedCurve.value] ? wantedCurve.value : "strength"),
);
export const points = computed(() => study.value?.curves[shownCurve.value] ?? []);
const wantedPoint = computed(() => state.value.point);
export const shownPoint = computed(() => Math.min(wantedPoint.value, points.value.length - 1));
export const point = computed(() => points.value[shownPoint.value]);

/** What a real model said; asked for as soon as a point is looked at. */
export const kept = computed(() =>
  shownName.value === "embedded" || !point.value ? undefined : keptAnswers(shownName.value),
);
export const pairs = computed(() =>
  shownName.value === "embedded" ? embeddedPairs : (kept.value?.pairs ?? []),
);
const wantedPair = computed(() => state.value.pair);
export const shownPair = computed(() => Math.min(wantedPair.value, pairs.value.length - 1));
export const pair = computed(() => pairs.value[shownPair.value]);
export const choosePair = (pair: number) => change({ pair });

/** What a point was answered with, in the terms of the dial; a mask is none of them. */
const settings: { readonly [Curve in CurveName]?: (value: number) => Setting } = {
  strength: (x) => ({ x, nats: Number.POSITIVE_INFINITY }),
  budget: (nats) => ({ x: 5.65, nats }),
};
export const setting = computed(() => point.value && settings[shownCurve.value]?.(point.value.value));
