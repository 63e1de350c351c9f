/** Seeded damage to JSON files: the same on every machine. */

/** A small generator of whole numbers below `end` (mulberry32). */
export function seededDraws(seed: number): (end: number) => number {
  let state = seed;
  return (end) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % end;
  };
}

const foreign: readonly unknown[] = [
  null,
  true,
  -1,
  0,
  2 ** 31,
  1e300,
  0.5,
  "",
  "x",
  "ByteLevel",
  "(",
  [],
  {},
  [[]],
  "\ud800",
];

/** Another value somewhere in a JSON tree: replaced, removed, or swapped with a sibling. */
export function mutateTree(root: unknown, draw: (end: number) => number): unknown {
  const copy = structuredClone(root);
  let node = copy as Record<string, unknown>;
  for (;;) {
    const keys = Object.keys(node);
    if (keys.length === 0) return copy;
    const key = keys[draw(keys.length)]!;
    const child = node[key];
    const goDeeper = typeof child === "object" && child !== null && draw(4) > 0;
    if (goDeeper) node = child as Record<string, unknown>;
    else {
      replaceEntry(node, key, keys[draw(keys.length)]!, draw);
      return copy;
    }
  }
}

function replaceEntry(
  node: Record<string, unknown>,
  key: string,
  sibling: string,
  draw: (end: number) => number,
): void {
  const action = draw(3);
  if (action === 0) node[key] = foreign[draw(foreign.length)];
  else if (action === 1 && !Array.isArray(node)) delete node[key];
  else [node[key], node[sibling]] = [node[sibling], node[key]];
}

/** Another character, a cut or a doubled stretch somewhere in the file's text. */
function mutateText(text: string, draw: (end: number) => number): string {
  const at = draw(text.length);
  const action = draw(3);
  if (action === 0) return text.slice(0, at);
  if (action === 1) return text.slice(0, at) + String.fromCharCode(32 + draw(95)) + text.slice(at + 1);
  return text.slice(0, at) + text.slice(Math.max(0, at - draw(50)));
}

/** The content with one thing in it changed, as the text of a file. */
export function mutate(content: object, seed: number): string {
  const draw = seededDraws(seed);
  return draw(2) === 0
    ? JSON.stringify(mutateTree(content, draw))
    : mutateText(JSON.stringify(content), draw);
}
