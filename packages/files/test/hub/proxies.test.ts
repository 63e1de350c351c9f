/** The environment's proxies, as Python's library reads them. */
import { createServer, request, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import {
  checkpointFiles,
  hashAll,
  hashesOf,
  repositoryId,
  useHub,
  wantedFiles,
} from "@amulet-ts/testing/hub/hub-fixture";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { resolveModel } from "../../src/hub/index.js";
import { proxyFor } from "../../src/hub/remote/proxies.js";

const hub = useHub();

describe("which proxy", () => {
  const all = { HTTP_PROXY: "http://plain:1", HTTPS_PROXY: "http://secret:2" };

  it.each<[string, Record<string, string>, string | undefined]>([
    ["http://hub.test/a", {}, undefined],
    ["http://hub.test/a", all, "http://plain:1/"],
    ["https://hub.test/a", all, "http://secret:2/"],
    ["https://hub.test/a", { HTTP_PROXY: "http://plain:1" }, undefined],
    [
      "https://hub.test/a",
      { https_proxy: "http://small:3", HTTPS_PROXY: "http://secret:2" },
      "http://small:3/",
    ],
    ["https://hub.test/a", { https_proxy: "", HTTPS_PROXY: "http://secret:2" }, "http://secret:2/"],
    ["https://hub.test/a", { ALL_PROXY: "http://all:4" }, "http://all:4/"],
    ["http://hub.test/a", { ...all, ALL_PROXY: "http://all:4" }, "http://plain:1/"],
    ["http://hub.test/a", { HTTP_PROXY: "plain:1" }, "http://plain:1/"],
    ["http://hub.test/a", { HTTP_PROXY: "http://me:p%40ss@plain:1" }, "http://me:p%40ss@plain:1/"],
    ["https://hub.test/a", { HTTPS_PROXY: "https://secret:2" }, "https://secret:2/"],
  ])("%s with %j: %s", (url, environment, expected) => {
    expect(proxyFor(new URL(url), environment)?.href).toBe(expected);
  });

  it.each<[string, string, boolean]>([
    ["http://hub.test", "*", true],
    ["http://hub.test", "other, *", true],
    ["http://hub.test", "hub.test", true],
    ["http://hub.test", "HUB.test", true],
    ["http://a.hub.test", "hub.test", true],
    ["http://a.hub.test", ".hub.test", true],
    ["http://a.hub.test", "*.hub.test", true],
    ["http://myhub.test", "hub.test", false],
    ["http://hub.test", "other.test another.test,hub.test", true],
    ["http://hub.test:81", "hub.test:81", true],
    ["http://hub.test:81", "hub.test:82", false],
    ["http://hub.test", "hub.test:80", true],
    ["http://127.0.0.1:5000", "127.0.0.1", true],
    ["http://10.1.2.3", "10.0.0.0/8", true],
    ["http://11.1.2.3", "10.0.0.0/8", false],
    ["http://11.1.2.3", "10.0.0.0/99", false],
    ["http://[::1]:5000", "::1", true],
    ["http://[::1]:5000", "[::1]:5000", true],
    ["http://[::1]:5000", "[::2]", false],
    ["http://hub.test", "", false],
    ["http://hub.test", " , ", false],
    ["http://hub.test", ".", false],
  ])("%s with NO_PROXY=%s is excepted: %s", (url, NO_PROXY, excepted) => {
    expect(proxyFor(new URL(url), { HTTP_PROXY: "http://plain:1", NO_PROXY }) === undefined).toBe(excepted);
  });

  it.each([
    [
      "socks5://localhost:1080",
      /HTTP_PROXY names a proxy of the kind "socks5:": write it like http:\/\/host:port/,
    ],
    ["http://", /HTTP_PROXY names no URL/],
  ])("%s is refused in a sentence", async (HTTP_PROXY, message) => {
    expect(() => proxyFor(new URL("http://hub.test"), { HTTP_PROXY })).toThrow(message);
    const refused = resolveModel(
      repositoryId,
      hub.options({ environment: { HTTP_PROXY, HF_HOME: hub.cache } }),
    );
    await expect(refused).rejects.toMatchObject({ code: "hub", message: expect.stringMatching(message) });
    expect(hub.server.seen).toEqual([]);
  });
});

describe("through a proxy", () => {
  /** What was asked of it: absolute addresses, or hosts to tunnel to. */
  const seen: string[] = [];
  const sockets = new Set<Socket>();
  let authorization: string | undefined;
  let proxy: Server;
  let address = "";

  beforeEach(async () => {
    seen.length = 0;
    proxy = createServer((incoming, outgoing) => {
      seen.push(incoming.url!);
      authorization = incoming.headers["proxy-authorization"];
      // The hub has no name that anybody but the proxy knows.
      const asked = new URL(incoming.url!);
      const there =
        asked.hostname === "hub.invalid"
          ? new URL(asked.pathname + asked.search, hub.server.endpoint)
          : asked;
      const forwarded = request(
        there,
        { method: incoming.method!, headers: { ...incoming.headers, host: there.host } },
        (answer) => {
          outgoing.writeHead(answer.statusCode!, answer.headers);
          answer.pipe(outgoing);
        },
      );
      incoming.pipe(forwarded);
    });
    proxy.on("connect", (incoming, socket: Socket) => {
      seen.push(`CONNECT ${incoming.url}`);
      const { port } = new URL(hub.server.endpoint);
      const there = connect(Number(port), "127.0.0.1", () => {
        socket.write("HTTP/1.1 200 OK\r\n\r\n");
        there.pipe(socket).pipe(there);
      });
      for (const end of [there, socket]) sockets.add(end.on("error", () => {}));
    });
    await new Promise<void>((listening) => proxy.listen(0, "127.0.0.1", listening));
    address = `127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  });
  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    proxy.closeAllConnections();
    await new Promise((closed) => proxy.close(closed));
  });

  const resolve = (environment: Record<string, string>, more = {}) =>
    resolveModel(repositoryId, hub.options({ environment: { HF_HOME: hub.cache, ...environment }, ...more }));

  it("a hub that only the proxy reaches is reached, with name and password, and the model is whole", async () => {
    const { path } = await resolve(
      { HTTP_PROXY: `http://me:p%40ss@${address}` },
      { endpoint: "http://hub.invalid" },
    );
    expect(await hashAll(path, wantedFiles)).toEqual(hashesOf(checkpointFiles, wantedFiles));
    expect(seen).toContain("http://hub.invalid/api/models/acme/tiny/revision/main");
    expect(seen.some((url) => url.startsWith(hub.server.contentOrigin))).toBe(true);
    expect(Buffer.from(authorization!.replace("Basic ", ""), "base64").toString()).toBe("me:p@ss");
  });

  it("what is encrypted goes through a tunnel", async () => {
    const encrypted = resolve({ HTTPS_PROXY: address }, { endpoint: "https://hub.invalid" });
    // The hub here speaks no TLS: that it was spoken to is all that is asked.
    await expect(encrypted).rejects.toMatchObject({
      code: "offline",
      message: expect.stringContaining(`through the proxy ${address}`),
    });
    expect(new Set(seen)).toEqual(new Set(["CONNECT hub.invalid:443"]));
  });

  it("what NO_PROXY names is reached directly", async () => {
    await resolve({ HTTP_PROXY: address, NO_PROXY: "127.0.0.1" });
    expect(seen).toEqual([]);
  });

  it("one that is not there is named, its password is not", async () => {
    const dead = resolve({ HTTP_PROXY: "http://me:secret@127.0.0.1:1" });
    const error: Error = await dead.then(
      () => new Error("it was there"),
      (reason) => reason,
    );
    expect(error.message).toMatch(
      /No connection to 127\.0\.0\.1:\d+ \(through the proxy 127\.0\.0\.1:1: .+\)/,
    );
    expect(error.message).not.toContain("secret");
  });

  it("a silent proxy has the deadline of an answer", async () => {
    const silent = createServer(() => {});
    await new Promise<void>((listening) => silent.listen(0, "127.0.0.1", listening));
    const { port } = silent.address() as AddressInfo;
    const asked = resolve({ HTTP_PROXY: `http://127.0.0.1:${port}` }, { metadataMilliseconds: 150 });
    await expect(asked).rejects.toThrow(/no whole answer within/);
    silent.closeAllConnections();
    await new Promise((closed) => silent.close(closed));
  });
});
