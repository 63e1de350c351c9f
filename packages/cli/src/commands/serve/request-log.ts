/** A line for each request, and under them, on a terminal, how things stand. */
import type { SchedulerLoad } from "@amulet-ts/core";
import type { RequestRecord } from "@amulet-ts/server";
import type { Io } from "../../io.js";
import { colorsFor, isLively } from "../../terminal/colors.js";
import { cutToWidth } from "../../terminal/columns.js";
import { LiveArea } from "../../terminal/live-area.js";
import { formatCount, formatNumber, writeAside, writeJson } from "../../terminal/output.js";
import { printableLine } from "../../terminal/printable.js";

const millisecondsBetweenLooks = 500;

export class RequestLog {
  private readonly area: LiveArea | undefined;
  private timer: NodeJS.Timeout | undefined;
  private tokens = 0;
  private looked = performance.now();

  constructor(
    private readonly io: Io,
    private readonly json: boolean,
    private readonly load: () => SchedulerLoad | undefined,
  ) {
    this.area = isLively(io.stderr, io.environment) ? new LiveArea(io.stderr) : undefined;
  }

  begin(): void {
    if (!this.area) return;
    this.timer = setInterval(() => this.look(), millisecondsBetweenLooks);
  }

  add(record: RequestRecord): void {
    if (isWatching(record)) return;
    const line = formatRecord(record);
    if (this.json) writeJson(this.io, { time: new Date().toISOString(), ...record });
    else if (this.area && this.timer) this.area.finish([printableLine(line)]);
    else writeAside(this.io, line);
  }

  end(): void {
    clearInterval(this.timer);
    if (this.timer) this.area?.finish([]);
    this.timer = undefined;
  }

  private look(): void {
    const load = this.load();
    if (!load) return;
    const now = performance.now();
    const perSecond = (1000 * (load.saidTokens - this.tokens)) / (now - this.looked);
    this.tokens = load.saidTokens;
    this.looked = now;
    const { dim } = colorsFor(this.io.stderr, this.io.environment);
    const line = formatLoad(load, perSecond);
    this.area!.draw(() => [dim(cutToWidth(line, (this.io.stderr.columns || 80) - 1))]);
  }
}

/** Those who look after the server ask every few seconds, and all is well. */
const isWatching = ({ endpoint, status }: RequestRecord) =>
  status === 200 && ["/health", "/metrics"].includes(endpoint);

export function formatLoad(
  { running, waiting, heldTokens, prefixTokens }: SchedulerLoad,
  perSecond: number,
): string {
  return [
    `${running} running`,
    `${waiting} waiting`,
    `${Math.round(perSecond)} tokens/s`,
    `cache ${heldTokens} + ${formatCount(prefixTokens, "token")} kept`,
  ].join(" · ");
}

export function formatRecord(record: RequestRecord): string {
  const {
    id,
    endpoint,
    status,
    model,
    promptTokens,
    tokens,
    firstTokenMs,
    tokenMs,
    x,
    budget,
    ended,
    error,
  } = record;
  return [
    `${id} ${endpoint} ${status}`,
    ...(model === undefined ? [] : [model]),
    ...(promptTokens ? [`${promptTokens.base} + ${promptTokens.preference} prompt tokens`] : []),
    ...(promptTokens ? [formatCount(tokens, "token")] : []),
    ...(firstTokenMs === undefined ? [] : [`first after ${formatNumber(firstTokenMs / 1000)} s`]),
    ...(tokenMs === undefined ? [] : [`${formatNumber(tokenMs)} ms each`]),
    ...(x === undefined ? [] : [`x = ${formatNumber(x)}`]),
    ...(budget === undefined ? [] : [`KL ≤ ${formatNumber(budget)}`]),
    ...(ended === undefined ? [] : [ended]),
    ...(error ? [error.message] : []),
  ].join(" · ");
}
