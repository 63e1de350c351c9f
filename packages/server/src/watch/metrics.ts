/** `/metrics`, as Prometheus reads it. */
import type { SchedulerLoad } from "@amulet-ts/core";
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { RequestRecord } from "./request-record.js";

const seconds = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];

/** In a registry of its own, so that several servers of a process do not add up. */
export class Metrics {
  private readonly registry = new Registry();
  private readonly requests = this.counter("requests_total", "Requests by endpoint and status.", [
    "endpoint",
    "status",
  ]);
  private readonly promptTokens = this.counter("prompt_tokens_total", "Tokens of prompts, by prompt.", [
    "prompt",
  ]);
  private readonly tokens = this.counter("tokens_total", "Tokens of answers.", []);
  private readonly firstToken = this.histogram("first_token_seconds", "Time to the first token.");
  private readonly token = this.histogram("token_seconds", "Time between two tokens of a request, its mean.");
  private readonly request = this.histogram("request_seconds", "Time of a request.");

  constructor(load: () => SchedulerLoad | undefined) {
    this.gauge("running", "Answers that grow.", () => load()?.running ?? 0);
    this.gauge("waiting", "Answers that wait.", () => load()?.waiting ?? 0);
    this.gauge(
      "held_tokens",
      "Tokens that running answers may hold at their ends.",
      () => load()?.heldTokens ?? 0,
    );
    this.gauge("prefix_tokens", "Tokens kept for prompts that begin alike.", () => load()?.prefixTokens ?? 0);
    this.gauge(
      "read_tokens",
      "Prompt tokens read so far, without those that were there.",
      () => load()?.readTokens ?? 0,
    );
    this.gauge("resident_bytes", "Memory of this process.", () => process.memoryUsage.rss());
  }

  get contentType(): string {
    return this.registry.contentType;
  }

  text(): Promise<string> {
    return this.registry.metrics();
  }

  take({ endpoint, status, tokens, promptTokens, firstTokenMs, tokenMs, totalMs }: RequestRecord): void {
    this.requests.inc({ endpoint, status: String(status) });
    this.tokens.inc(tokens);
    this.request.observe(totalMs / 1000);
    if (promptTokens) {
      this.promptTokens.inc({ prompt: "base" }, promptTokens.base);
      this.promptTokens.inc({ prompt: "preference" }, promptTokens.preference);
    }
    if (firstTokenMs !== undefined) this.firstToken.observe(firstTokenMs / 1000);
    if (tokenMs !== undefined) this.token.observe(tokenMs / 1000);
  }

  private counter<Label extends string>(name: string, help: string, labelNames: Label[]): Counter<Label> {
    return new Counter({ name: `amulet_${name}`, help, labelNames, registers: [this.registry] });
  }

  private histogram(name: string, help: string): Histogram {
    return new Histogram({ name: `amulet_${name}`, help, buckets: seconds, registers: [this.registry] });
  }

  private gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name: `amulet_${name}`,
      help,
      registers: [this.registry],
      collect() {
        this.set(read());
      },
    });
  }
}
