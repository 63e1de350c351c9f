import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { renderChat } from "../../src/templates/chat-template.js";

/** A template and what it is given. */
export interface TemplateCase {
  readonly template: string;
  readonly variables: Readonly<Record<string, unknown>>;
}

/** What came out: a prompt, or why there is none. */
export type Rendered = { readonly prompt: string } | { readonly error: string };

/** The time of every comparison: a Friday before ten, on a day of one digit. */
const now = "2026-02-06T09:05:03";

const cached = fileURLToPath(new URL("../../../../node_modules/.cache/jinja2/bin/python3", import.meta.url));
const python = existsSync(cached) ? cached : "python3";

/** Why there is nothing to compare with, or nothing where there is. */
export function whyNoPython(): string | undefined {
  const { status } = spawnSync(python, ["-c", "import jinja2"]);
  if (status === 0) return undefined;
  return "there is no python3 with jinja2 here: pip install jinja2, or a venv in node_modules/.cache/jinja2";
}

/** What Python's jinja2 renders, set up as transformers sets it up. */
export function renderInPython(cases: readonly TemplateCase[]): Rendered[] {
  const script = fileURLToPath(new URL("oracle.py", import.meta.url));
  const input = JSON.stringify(cases.map((one) => ({ ...one, now: now })));
  const { stdout, stderr, status } = spawnSync(python, [script], { input, maxBuffer: 2 ** 29 });
  if (status !== 0) throw new Error(`The oracle ended with ${status}: ${stderr}`);
  return JSON.parse(String(stdout)) as Rendered[];
}

/** What we render; `messages` stands among the variables. */
export function renderHere({ template, variables }: TemplateCase): Rendered {
  const { messages = [], add_generation_prompt = true, ...rest } = variables;
  const options = {
    variables: rest,
    now: new Date(now),
    addGenerationPrompt: add_generation_prompt === true,
  };
  try {
    return { prompt: renderChat(template, messages as [], options) };
  } catch (error) {
    return { error: (error as Error).message };
  }
}
