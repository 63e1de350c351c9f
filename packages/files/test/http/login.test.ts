/** A user and a password in a server's address: what is sent, what is shown, and what can't be read. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { FilesError } from "../../src/errors.js";
import { JsonClient } from "../../src/http/json-client.js";

let server: Server;
let host: string;
beforeAll(async () => {
  server = createServer(({ headers }, response) => response.end(JSON.stringify(headers)));
  await once(server.listen(0, "127.0.0.1"), "listening");
  host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

test.each([
  ["me:secret", "me:secret"],
  ["me%40corp.com:pa%40ss", "me@corp.com:pa@ss"],
  ["me:50%25", "me:50%"],
  ["zoë:łódźü", "zoë:łódźü"],
  ["me", "me:"],
  [":secret", ":secret"],
])("%s@ is sent as %s, in UTF-8", async (written, login) => {
  const client = new JsonClient({ address: `http://${written}@${host}/v1` });
  const { authorization } = (await client.get("/models")) as { authorization: string };
  expect(Buffer.from(authorization.replace(/^Basic /, ""), "base64").toString("utf8")).toBe(login);
  expect(client.address).toBe(`http://${host}/v1`);
});

test("a key goes before it, and without either nothing is sent", async () => {
  const sent = async (login: string, key?: string) =>
    (await new JsonClient({ address: `http://${login}${host}`, key }).get("/")) as { authorization?: string };
  expect((await sent("me:secret@", "sk")).authorization).toBe("Bearer sk");
  expect((await sent("")).authorization).toBeUndefined();
});

test("a server that repeats a password as it is meant does not have it shown", async () => {
  const echo = createServer((_, response) => response.writeHead(401).end("no pa@ss, me"));
  await once(echo.listen(0, "127.0.0.1"), "listening");
  const { port } = echo.address() as AddressInfo;
  const refused = new JsonClient({ address: `http://me:pa%40ss@127.0.0.1:${port}` }).get("/");
  await expect(refused).rejects.toThrow(/status 401: "no …, me"/);
  echo.close();
});

test.each(["me:100%", "me:%FC", "50%:secret"])(
  "%s@ is refused in a sentence, which has neither",
  (written) => {
    const make = () => new JsonClient({ address: `http://${written}@${host}/v1` });
    expect(make).toThrow(FilesError);
    expect(make).toThrow(`The user and password before @${host} must be percent-encoded UTF-8`);
    const [user, password] = written.split(":");
    expect(make).not.toThrow(user === "me" ? password : user);
  },
);
