/** What does the same as the page: a program, and a command. */
import { steeringOf } from "./served.js";
import { dialSetting, firstState, type PageState } from "./state.js";

/** The server that answers, where it is not the page. */
export interface AskedServer {
  readonly url: string;
  readonly needsKey: boolean;
}

function bodyFor(state: PageState): object {
  const { question, preference } = state;
  return {
    messages: [{ role: "user", content: question }],
    amulet: { preference, ...steeringOf(state) },
  };
}

function programAsking({ url, needsKey }: AskedServer, state: PageState): string {
  return [
    `const body = ${JSON.stringify(bodyFor(state), null, 2)};`,
    `const response = await fetch(${JSON.stringify(url)}, {`,
    '  method: "POST",',
    ...(needsKey ? [`  headers: { authorization: "Bearer " + process.env.AMULET_API_KEY },`] : []),
    "  body: JSON.stringify(body),",
    "});",
    "console.log((await response.json()).choices[0].message.content);",
    "",
  ].join("\n");
}

/** A few lines of TypeScript for Node. */
export function programFor(state: PageState, server?: AskedServer): string {
  if (server) return programAsking(server, state);
  const method = methodCall(state);
  const [name] = method.split("(");
  const named = state.model === "" ? "" : `{ model: ${JSON.stringify(state.model)} }`;
  return [
    `import { generate, ${name} } from "@amulet-ts/core";`,
    'import { openEngine } from "@amulet-ts/engines";',
    "",
    `const engine = await openEngine(${named});`,
    `const question = ${JSON.stringify(state.question)};`,
    `const preference = ${JSON.stringify(state.preference)};`,
    `const method = ${method};`,
    "for await (const { text } of generate(engine.model, { question, preference, method })) {",
    "  process.stdout.write(text);",
    "}",
    "await engine.dispose();",
    "",
  ].join("\n");
}

function methodCall(state: PageState): string {
  const { x, nats } = dialSetting(state);
  const isBounded = Number.isFinite(nats);
  if (state.dial === "T") {
    const { iterations, alpha, lambda, eta } = state.parameters;
    const parameters = `{ iterations: ${iterations}, alpha: ${alpha}, lambda: ${lambda}, eta: ${eta} }`;
    return isBounded ? `boundedMethod(${nats}, ${parameters})` : `amuletMethod(${parameters})`;
  }
  if (isBounded && x > 1) return `boundedMethod(${nats}, ${shorten(x - 1)})`;
  return `guidanceMethod(${x})`;
}

/** 5.65 − 1 as one would write it. */
function shorten(value: number): number {
  return Number(value.toPrecision(12));
}

/** One line for a shell. */
export function commandFor(state: PageState, server?: AskedServer): string {
  if (server) {
    const key = server.needsKey ? ' -H "authorization: Bearer $AMULET_API_KEY"' : "";
    return `curl ${server.url}${key} -d ${quote(JSON.stringify(bodyFor(state)))}`;
  }
  const { x, nats } = dialSetting(state);
  const { iterations, alpha, lambda, eta } = state.parameters;
  const isBounded = Number.isFinite(nats) && x > 1;
  const words = [
    `npx amulet generate ${quote(state.question)} --preference ${quote(state.preference)}`,
    state.dial === "T"
      ? `--method amulet --iterations ${iterations} --alpha ${alpha} --lambda ${lambda} --eta ${eta}`
      : `--guidance-scale ${x}`,
    ...(isBounded ? [`--kl-budget ${nats}`] : []),
    ...(state.model === firstState.model ? [] : [`--model ${quote(state.model)}`]),
  ];
  return words.join(" ");
}

/** As one word of a shell. */
function quote(words: string): string {
  return `'${words.replaceAll("'", "'\\''")}'`;
}
