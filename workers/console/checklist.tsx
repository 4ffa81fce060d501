/** Everything that should be right before a sale opens: what is not comes first, with what to do about it. */
import { Hono } from "hono";
import type { Checklist, ChecklistItem } from "../../domain/api.ts";
import { ask, statusOf } from "./ask.ts";
import type { ConsoleContext } from "./context.ts";
import { page } from "./frame.tsx";
import { Time } from "./time.tsx";

export const checklist = new Hono<ConsoleContext>();

const words = { red: "Not ready", amber: "Look at it", green: "Ready" } as const;
const tones = { red: "bad", amber: "warn", green: "good" } as const;
const order = ["red", "amber", "green"] as const;

checklist.get("/sales/:sale{[a-z0-9-]{1,64}}/checklist", async (c) => {
  const id = c.req.param("sale");
  const people = c.req.query("people") ?? "";
  const query = people === "" ? "" : `?people=${encodeURIComponent(people)}`;
  const answer = await ask<Checklist>(c, {
    method: "GET",
    path: `/api/admin/sales/${id}/checklist${query}`,
  });
  const frame = { title: "Checklist", who: c.var.who, tab: "/checklist" } as const;
  if (!answer.ok) {
    const sale = { id, name: id };
    return c.html(page({ ...frame, sale, refused: answer, children: null }), statusOf(c, answer));
  }
  const { name, checkedAt, items, light } = answer.value;
  const count = (of: ChecklistItem["light"]) => items.filter((item) => item.light === of).length;
  return c.html(
    page({
      ...frame,
      sale: { id, name },
      done:
        c.req.query("done") === "created"
          ? "The sale is created and published. This is what is still to be looked at."
          : undefined,
      children: (
        <>
          <div class="head">
            <h2>
              <span class={`tag tag-${tones[light]}`}>{words[light]}</span> {count("red")} red,{" "}
              {count("amber")} amber, {count("green")} green
            </h2>
            <form class="filter" method="get">
              <label for="people">People in line</label>
              <input
                id="people"
                name="people"
                type="number"
                min={1}
                value={people}
                placeholder="as expected"
              />
              <button class="button">Look again</button>
            </form>
          </div>
          <ul class="checks">
            {order
              .flatMap((of) => items.filter((item) => item.light === of))
              .map((item) => (
                <Item item={item} />
              ))}
          </ul>
          <p class="quiet">
            Looked at <Time iso={checkedAt} />. In a terminal: <code>npm run sale -- checklist {id}</code>
          </p>
        </>
      ),
    }),
  );
});

function Item({ item: { light, title, found, todo } }: { item: ChecklistItem }) {
  return (
    <li class={`check check-${tones[light]}`}>
      <span class={`tag tag-${tones[light]}`}>{words[light]}</span>
      <h3>{title}</h3>
      <div>
        <p>{found}</p>
        {todo !== "" && <p class="todo">→ {todo}</p>}
      </div>
    </li>
  );
}
