/**
 * What fast-check tries is the same each time, so that a change is not refused for what chance found in something else.
 * `FC_SEED=2 npm test` tries other things; a failure names its seed and path.
 */
import fc from "fast-check";

export const SEED = Number(process.env["FC_SEED"] ?? 1);

fc.configureGlobal({ seed: SEED });
