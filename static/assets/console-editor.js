/**
 * Comfort for the form of a sale, which works without it: times by the reader's own clock, an id made of the name, one more
 * row of items where one is wanted, a file read into its field.
 */

const form = document.querySelector("form[data-editor]");
if (form instanceof HTMLFormElement) {
  const zone = field(form, "zone");
  const times = [...form.querySelectorAll("input[type=datetime-local]")].filter(isInput);
  // As rendered times are by the clock of UTC; what was sent and came back is as it was typed.
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone !== undefined && zone.value === "UTC" && own !== "UTC") {
    for (const time of times) if (time.value !== "") time.value = localText(new Date(`${time.value}Z`));
    zone.value = own;
  }
  const showUtc = () => {
    for (const time of times) {
      const output = time.parentElement?.querySelector("[data-utc]");
      // What the browser knows is its own clock; of another zone the server tells after sending.
      const date = zone?.value === "UTC" ? new Date(`${time.value}Z`) : new Date(time.value);
      if (output instanceof HTMLElement)
        output.textContent =
          Number.isNaN(date.getTime()) || (zone?.value !== own && zone?.value !== "UTC")
            ? ""
            : `${date.toISOString().slice(0, 16).replace("T", " ")} UTC`;
    }
  };
  form.addEventListener("input", showUtc);
  showUtc();

  const [name, id] = [field(form, "name"), field(form, "id")];
  if (name !== undefined && id !== undefined && id.value === "" && !id.readOnly) {
    let isOurs = true;
    id.addEventListener("input", () => (isOurs = false));
    name.addEventListener("input", () => {
      if (isOurs) id.value = slug(name.value);
    });
  }

  form.querySelector("[data-add-item]")?.addEventListener("click", (event) => {
    const last = [...form.querySelectorAll("[data-row]")].at(-1);
    if (!(last instanceof HTMLElement)) return;
    event.preventDefault();
    const row = form.querySelectorAll("[data-row]").length;
    const next = /** @type {HTMLElement} */ (last.cloneNode(true));
    next.setAttribute("aria-label", `Item ${row + 1}`);
    next.innerHTML = next.innerHTML.replaceAll(/items([.-])\d+([.-])/g, `items$1${row}$2`);
    for (const wrong of next.querySelectorAll(".wrong")) wrong.remove();
    for (const input of next.querySelectorAll("input")) {
      input.removeAttribute("aria-invalid");
      input.setAttribute("value", "");
      input.value = "";
    }
    last.after(next);
    next.querySelector("input")?.focus();
  });
}

const file = document.querySelector("[data-file] input");
const text = document.querySelector("textarea[name=definition]");
if (isInput(file) && text instanceof HTMLTextAreaElement) {
  file.closest("[data-file]")?.removeAttribute("hidden");
  file.addEventListener("change", async () => {
    text.value = (await file.files?.[0]?.text()) ?? text.value;
  });
}

/** @param {unknown} node @returns {node is HTMLInputElement} */
function isInput(node) {
  return node instanceof HTMLInputElement;
}

/** @param {HTMLFormElement} of @param {string} name @returns {HTMLInputElement | undefined} */
function field(of, name) {
  const found = of.elements.namedItem(name);
  return isInput(found) ? found : undefined;
}

/** @param {Date} date */
function localText(date) {
  const local = new Date(date.getTime() - date.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, date.getSeconds() === 0 ? 16 : 19);
}

/** @param {string} name */
function slug(name) {
  return name
    .normalize("NFKD")
    .replaceAll(/\p{M}+/gu, "")
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-+|-+$/g, "")
    .slice(0, 64);
}
