/** The sale cannot be reached: the page says so; that it asks again by itself, its `Refresh` header says. */
import { page } from "./layout.tsx";
import type { Speech } from "./speech.ts";

/** @param path where to try again, without the prefix of the language */
export function troublePage(say: Speech, text: string, path: string): string {
  const { m } = say;
  return page({
    say,
    path,
    title: m.oneMoment,
    children: (
      <div class="alone">
        <h1 class="title">{m.oneMoment}</h1>
        <p class="lead">{text}</p>
        <p>
          <a class="button" href={`${say.prefix}${path}`}>
            {m.tryAgain}
          </a>
        </p>
      </div>
    ),
  });
}
