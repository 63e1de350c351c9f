/** Origins of pages, as browsers write them in a request's `origin`. */

/** What is wrong with an origin as it was named, or undefined. `*` stands for all. */
export function faultOfOrigin(named: string): string | undefined {
  const meant = originOf(named);
  if (named === "*" || meant === named) return undefined;
  const instead = meant === undefined ? "" : `; browsers write it ${meant}`;
  return `must be an origin, such as https://chat.example, or * for all; it is ${JSON.stringify(named.slice(0, 120))}${instead}`;
}

/** Programs that are pages inside have schemes of their own (`app://notes.example`), which URLs know no origin of. */
function originOf(address: string): string | undefined {
  if (!URL.canParse(address)) return undefined;
  const { origin, protocol, host } = new URL(address);
  if (origin !== "null") return origin;
  return host === "" ? undefined : `${protocol}//${host}`;
}
