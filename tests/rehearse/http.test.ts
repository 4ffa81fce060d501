/** The crowd's HTTP on a machine that it shares with the system: as fast as that answers, and nobody inside waits for newcomers. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { createFigures, type Step } from "../../bench/rehearse/figures.ts";
import { createHttp, type Http } from "../../bench/rehearse/http.ts";

let close: () => Promise<unknown> = () => Promise.resolve();
afterEach(() => close());

/** A system that takes so long for a join, and none for anything else; it counts how many joins are under way. */
async function systemThatTakes(joinMs: number, isPaced: boolean) {
  const seen = { under: 0, most: [] as number[] };
  const server: Server = createServer((request, response) => {
    if (request.url !== "/join") return void response.end("{}");
    seen.most.push(++seen.under);
    void wait(joinMs).then(() => {
      seen.under--;
      response.end("{}");
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const http = createHttp(`http://127.0.0.1:${port}`, 64, createFigures(), isPaced);
  close = async () => {
    await http.destroy();
    server.close();
  };
  return { http, seen };
}

const send = (http: Http, step: Step) =>
  http.send({ step, method: "POST", path: step === "join" ? "/join" : "/", headers: {} });
const many = (http: Http, count: number) =>
  Promise.all(Array.from({ length: count }, () => send(http, "join")));

test("a system that answers soon is sent more and more at a time", async () => {
  const { http, seen } = await systemThatTakes(200, true);
  await many(http, 300);
  expect(Math.max(...seen.most.slice(0, 32))).toBeLessThanOrEqual(32);
  expect(Math.max(...seen.most)).toBeGreaterThan(40);
});

test("a slow one is sent fewer at a time, and who is inside is answered meanwhile", async () => {
  const { http, seen } = await systemThatTakes(1_600, true);
  const joins = many(http, 80);
  await wait(200);
  const { clickedAtMs, answeredAtMs, status } = await send(http, "entry");
  expect(status).toBe(200);
  expect(answeredAtMs - clickedAtMs).toBeLessThan(1_000);
  await joins;
  expect(Math.max(...seen.most)).toBe(32);
  // The first 32 were slow, and so were the next.
  expect(Math.max(...seen.most.slice(32))).toBeLessThan(32);
});

test("where it runs elsewhere all are sent, however slow it is", async () => {
  const { http, seen } = await systemThatTakes(1_600, false);
  await many(http, 64);
  expect(Math.max(...seen.most)).toBe(64);
});
