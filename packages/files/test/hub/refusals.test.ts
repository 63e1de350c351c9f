import { checkpointFiles, latestCommit, repositoryId, useHub } from "@amulet-ts/testing/hub/hub-fixture";
import { grantedToken, strangerToken } from "@amulet-ts/testing/hub/hub-server";
import { describe, expect, it } from "vitest";
import { resolveModel } from "../../src/hub/index.js";

const hub = useHub();
const refusal = (id: string, more = {}) =>
  resolveModel(id, hub.options(more)).then(
    () => ({ code: "none", message: "" }),
    (error: { code: string; message: string }) => error,
  );

describe("a refusal says why and what to do", () => {
  const gate = () => {
    hub.server.repositories[repositoryId] = {
      commits: { [latestCommit]: checkpointFiles },
      refs: { main: latestCommit },
      gated: true,
    };
  };

  it("gated, without a token: the page of its terms, and the token", async () => {
    gate();
    const { code, message } = await refusal(repositoryId);
    expect(code).toBe("hub");
    expect(message).toContain(
      `is gated: accept its terms at ${hub.server.endpoint}/acme/tiny, then set HF_TOKEN`,
    );
  });

  it("gated, with a token that has no access: wait for it", async () => {
    gate();
    expect((await refusal(repositoryId, { token: strangerToken })).message).toMatch(
      /is gated.*the token you use/,
    );
    expect((await refusal(repositoryId, { token: grantedToken })).code).toBe("none");
  });

  it("a missing or private repository: spelling, or a token", async () => {
    const { code, message } = await refusal("acme/nothing");
    expect([code, message]).toEqual([
      "hub",
      expect.stringMatching(/no model acme\/nothing: check the spelling.*set HF_TOKEN/),
    ]);
    expect((await refusal("acme/nothing", { token: grantedToken })).message).toMatch(
      /HF_TOKEN must belong to an account/,
    );
  });

  it("a missing revision: which, and what to name", async () => {
    expect((await refusal(`${repositoryId}@v9`)).message).toMatch(
      /acme\/tiny has no revision "v9": name a branch/,
    );
  });

  it("a missing file: its name", async () => {
    expect(await refusal(`${repositoryId}:q.gguf`)).toMatchObject({
      code: "file-not-found",
      message: expect.stringMatching(/no file q\.gguf.*no GGUF file at all/),
    });
    hub.server.fault = ({ path }) => (path.endsWith("/tokenizer.json") ? { status: 404 } : undefined);
    expect(await refusal(repositoryId)).toMatchObject({
      code: "file-not-found",
      message: expect.stringMatching(/no file tokenizer\.json at revision main/),
    });
  });

  it("403 of another kind: the hub's own words", async () => {
    const headers = { "x-error-message": "enable access to gated repositories" };
    hub.server.fault = () => ({ status: 403, headers });
    expect((await refusal(repositoryId, { token: grantedToken })).message).toMatch(
      /"enable access to gated repositories"/,
    );
  });

  it("no request is repeated for what will not change", async () => {
    gate();
    await refusal(repositoryId);
    await refusal("acme/nothing");
    expect(hub.pauses).toEqual([]);
  });
});

describe("an answer that makes no sense", () => {
  const answering = (body: string, headers = {}) => ({ fetch: async () => new Response(body, { headers }) });

  it.each([
    ["<html>", /should be JSON begins "<html>"/],
    ["{}", /names no commit/],
    ['{"sha":"../../etc"}', /names no commit/],
    [`{"sha":"${latestCommit}"}`, /is no list of files/],
  ])("%s is refused", async (body, message) => {
    expect((await refusal(repositoryId, answering(body))).message).toMatch(message);
  });

  it("a hostile listing cannot name a place outside the cache", async () => {
    const entry = { type: "file", path: "../../config.json", size: 2, oid: "a".repeat(40) };
    const evil = [entry, { ...entry, path: "config.json", oid: "../../x" }];
    const fetch = async (url: URL) =>
      new Response(JSON.stringify(url.pathname.includes("/tree/") ? evil : { sha: latestCommit }));
    expect((await refusal(repositoryId, { fetch })).message).toMatch(/lacks config\.json/);
  });

  it("a redirect in circles ends", async () => {
    const fetch = async (url: URL) => new Response(null, { status: 302, headers: { location: url.href } });
    expect((await refusal(repositoryId, { fetch })).message).toMatch(/more than 10 redirects/);
  });
});
