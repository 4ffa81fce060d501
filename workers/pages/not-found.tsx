/** There is nothing at this address. */
import { page } from "./layout.tsx";

export function notFoundPage(): string {
  return page({
    title: "Not found",
    children: (
      <div class="alone">
        <p class="kicker">404</p>
        <h1 class="title">There is nothing here</h1>
        <p class="lead">The address may be old, or the sale has not been announced yet.</p>
        <p>
          <a class="button" href="/">
            All releases
          </a>
        </p>
      </div>
    ),
  });
}
