/** Stands before the edge Worker: the same Worker, with the `ctx.cache` of the platform, which goes to the local front. */
import edge from "./index.js";

export default {
  fetch(request, env, context) {
    const cache = {
      purge: async (options) => {
        const body = JSON.stringify(options);
        await env.CACHE_PURGE.fetch("http://cache/purge", { method: "POST", body });
        return { success: true };
      },
    };
    const waitUntil = (work) => context.waitUntil(work);
    const passThroughOnException = () => context.passThroughOnException();
    return edge.fetch(request, env, { waitUntil, passThroughOnException, props: context.props, cache });
  },
};
