/**
 * The way to a host that the environment names. Node's own fetch does not look at it (before Node 24, and since only
 * when told to), Python's library does, and people set it for both. Read as Python's does; undici, the library that
 * Node's fetch is made of, brings what goes through a proxy, and is loaded only where there is one.
 */
import { BlockList, isIPv4, isIPv6 } from "node:net";
import { FilesError } from "../../errors.js";

type Environment = Readonly<Record<string, string | undefined>>;
type Fetch = typeof fetch;

/** Node's fetch, through a proxy wherever `environment` asks for one. */
export function fetchThroughProxies(environment: Environment): Fetch {
  const ways = new Map<string, Promise<Fetch>>();
  return async (input, initial) => {
    const url = new URL(input instanceof Request ? input.url : input);
    const proxy = proxyFor(url, environment);
    if (proxy === undefined) return globalThis.fetch(input, initial);
    if (!ways.has(proxy.href)) ways.set(proxy.href, fetchThrough(proxy));
    return (await ways.get(proxy.href)!)(input, initial);
  };
}

/**
 * The proxy for a URL; nothing where it is to be reached directly.
 *
 * @throws FilesError `hub` for a variable that names no HTTP proxy
 */
export function proxyFor(url: URL, environment: Environment): URL | undefined {
  const lookUp = (name: string) => environment[name] || environment[name.toUpperCase()];
  const scheme = url.protocol.replace(":", "_proxy");
  const variable = [scheme, "all_proxy"].find(lookUp);
  if (variable === undefined || isExcepted(url, lookUp("no_proxy") ?? "")) return undefined;
  const named = lookUp(variable)!.trim();
  const address = /^[a-z\d+.-]+:\/\//i.test(named) ? named : `http://${named}`;
  const proxy = URL.canParse(address) ? new URL(address) : undefined;
  if (proxy?.protocol === "http:" || proxy?.protocol === "https:") return proxy;
  throw new FilesError(
    "hub",
    `${variable.toUpperCase()} names ${proxy ? `a proxy of the kind ${JSON.stringify(proxy.protocol.slice(0, 20))}` : "no URL"}: ` +
      "write it like http://host:port, or unset it.",
  );
}

/** Whether `NO_PROXY` covers a host: by its name, a domain that it is in, its address or a network; `*` is every host. */
function isExcepted(url: URL, exceptions: string): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, "").toLowerCase();
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  const entries = exceptions.toLowerCase().split(/[\s,]+/);
  return entries.some((entry) => {
    if (entry === "*" || isIn(host, entry)) return true;
    const [name, itsPort] = splitPort(entry);
    const domain = name.replace(/^\*?\./, "");
    if (domain === "" || (itsPort ?? port) !== port) return false;
    return host === domain || host.endsWith(`.${domain}`);
  });
}

function splitPort(entry: string): readonly [name: string, port: string | undefined] {
  if (isIPv6(entry)) return [entry, undefined];
  const [, name = "", port] = /^\[?(.*?)\]?(?::(\d+))?$/.exec(entry) ?? [];
  return [name, port];
}

function isIn(host: string, network: string): boolean {
  const [, address, length] = /^([\d.]+)\/(\d+)$/.exec(network) ?? [];
  if (address === undefined || !isIPv4(host) || !isIPv4(address) || Number(length) > 32) return false;
  const networks = new BlockList();
  networks.addSubnet(address, Number(length));
  return networks.check(host);
}

async function fetchThrough(proxy: URL): Promise<Fetch> {
  const { ProxyAgent, fetch } = await import("undici");
  // Only what is encrypted needs a tunnel, and many proxies refuse one to any other port.
  const dispatcher = new ProxyAgent({ uri: proxy.href, proxyTunnel: false });
  const through = async (...[input, initial]: Parameters<typeof fetch>) =>
    fetch(input, { ...initial, dispatcher }).catch((cause: unknown) => {
      throw new Error(`through the proxy ${proxy.host}: ${describe(cause)}`);
    });
  return through as unknown as Fetch;
}

/** Of nested errors the innermost says what happened. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.cause instanceof Error) return describe(error.cause);
  return "code" in error && typeof error.code === "string" && !error.code.startsWith("UND_")
    ? error.code
    : error.message;
}
