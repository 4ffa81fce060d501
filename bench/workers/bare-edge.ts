/** The chain's first half with nothing of ours in it: hands everything on. */
interface Env {
  FUNCTIONS: { fetch: (request: Request) => Promise<Response> };
}

export default { fetch: (request: Request, env: Env) => env.FUNCTIONS.fetch(request) };
