/** There is nothing at this address. */
import { page } from "./layout.tsx";
import { homePath } from "./paths.ts";
import type { Speech } from "./speech.ts";

export function notFoundPage(say: Speech): string {
  const { m } = say;
  return page({
    say,
    path: "/",
    title: m.notFoundTitle,
    children: (
      <div class="alone">
        <p class="kicker">404</p>
        <h1 class="title">{m.notFound}</h1>
        <p class="lead">{m.notFoundMore}</p>
        <p>
          <a class="button" href={homePath(say)}>
            {m.allReleases}
          </a>
        </p>
      </div>
    ),
  });
}
