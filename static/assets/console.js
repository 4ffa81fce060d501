/** Comfort for the console, which works without it: times by the reader's clock. */

const local = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

for (const time of document.querySelectorAll("time[data-local]")) {
  const iso = time.getAttribute("datetime") ?? "";
  time.setAttribute("title", time.textContent);
  time.textContent = local.format(new Date(iso));
}
