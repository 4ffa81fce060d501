// @ts-check
/** The bot check's widget (Cloudflare Turnstile), whose script is loaded only where a shop uses one and only when somebody joins. */

/**
 * @typedef {{ render: (container: HTMLElement, options: { sitekey: string, callback: (token: string) => void,
 *   "error-callback": () => void }) => string, remove: (id: string) => void }} Turnstile
 */

const LOADED_WITHIN_MS = 10_000;
/** Time enough for somebody who has to do something; a check that never answers ends all the same. */
const ANSWERED_WITHIN_MS = 120_000;

/** @param {string} source @returns {Promise<Turnstile | undefined>} */
async function load(source) {
  const found = () =>
    /** @type {{ turnstile?: Turnstile }} */ (/** @type {unknown} */ (globalThis)).turnstile;
  if (found()) return found();
  const script = Object.assign(document.createElement("script"), { src: source, async: true });
  await new Promise((resolve) => {
    script.addEventListener("load", resolve);
    script.addEventListener("error", resolve);
    setTimeout(resolve, LOADED_WITHIN_MS);
    document.head.append(script);
  });
  return found();
}

/**
 * Shows the check where it is needed, and takes it away again.
 * @param {{ siteKey: string, script: string }} widget
 * @param {HTMLElement} place one that stays in the page until the check is done
 * @returns {Promise<string | undefined>} its token; undefined when it could not be made
 */
export async function botCheck({ siteKey, script }, place) {
  const turnstile = await load(script);
  if (!turnstile) return undefined;
  const container = document.createElement("div");
  place.append(container);
  /** @type {string | undefined} */
  let id;
  try {
    return await new Promise((resolve) => {
      const giveUp = () => resolve(undefined);
      id = turnstile.render(container, { sitekey: siteKey, callback: resolve, "error-callback": giveUp });
      setTimeout(giveUp, ANSWERED_WITHIN_MS);
    });
  } catch {
    // A widget that cannot be shown, such as one with a wrong key.
    return undefined;
  } finally {
    if (id !== undefined) turnstile.remove(id);
    container.remove();
  }
}
