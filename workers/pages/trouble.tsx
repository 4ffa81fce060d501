/** The sale cannot be reached: the page says so and asks again by itself. */
import { page } from "./layout.tsx";

export function troublePage(text: string, retry: { seconds: number; url: string }): string {
  return page({
    title: "One moment",
    refresh: retry,
    children: (
      <div class="alone">
        <h1 class="title">One moment</h1>
        <p class="lead">{text}</p>
        <p>
          <a class="button" href={retry.url}>
            Try again
          </a>
        </p>
      </div>
    ),
  });
}
