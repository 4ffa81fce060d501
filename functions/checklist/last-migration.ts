/** The number of the last file in `migrations/`, which a Worker cannot look into; a test holds it against them. */
export const LAST_MIGRATION = 13;
