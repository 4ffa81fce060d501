/** All sales: what needs an operator's eye first. */
import { Hono } from "hono";
import type { StoredSale } from "../../domain/api.ts";
import { ask, statusOf } from "./ask.ts";
import type { ConsoleContext } from "./context.ts";
import { page, salePath } from "./frame.tsx";

export const sales = new Hono<ConsoleContext>();

sales.get("/", async (c) => {
  const answer = await ask<{ sales: StoredSale["sale"][] }>(c, { method: "GET", path: "/api/admin/sales" });
  const { who } = c.var;
  if (!answer.ok)
    return c.html(
      page({ title: "Sales", who, area: "/admin", refused: answer, children: null }),
      statusOf(c, answer),
    );
  return c.html(
    page({
      title: "Sales",
      who,
      area: "/admin",
      children: (
        <>
          <h1>Sales</h1>
          <ul>
            {answer.value.sales.map(({ id, name }) => (
              <li>
                <a href={salePath(id)}>{name}</a>
              </li>
            ))}
          </ul>
        </>
      ),
    }),
  );
});
