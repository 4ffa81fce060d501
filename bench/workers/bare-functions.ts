/**
 * The chain's second half with nothing of ours in it but the Redis client: parses a body, runs the article's three lines, answers.
 * No token, no limit, no idempotency, no expiry, no outbox.
 */
import { z } from "zod";
import { connectRedis, runScript } from "../../functions/redis/client.ts";
import source from "../three-lines.lua";

interface Env {
  UPSTASH_REDIS_REST_URL: string;
  UPSTASH_REDIS_REST_TOKEN: string;
}

const script = { name: "three-lines", source, reply: z.number() };
let redis: ReturnType<typeof connectRedis> | undefined;

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    redis ??= connectRedis(env.UPSTASH_REDIS_REST_URL, env.UPSTASH_REDIS_REST_TOKEN);
    const { reservationId } = (await request.json()) as { reservationId: string };
    const sale = new URL(request.url).pathname.split("/")[3] ?? "";
    const left = await runScript(redis, script, [`{${sale}}:units`], []);
    return Response.json({ reservationId, left }, { status: left < 0 ? 409 : 201 });
  },
};
