/** The hosted payment page as a browser without scripts sees it: forms, redirects, escaping, policy. */
import { expect, test } from "vitest";
import { errorOf, line, open as openWorld, order } from "./world.ts";

async function open() {
  const world = await openWorld();
  const get = async (path: string) => {
    const response = await fetch(new URL(path, world.double.url), { redirect: "manual" });
    return { status: response.status, headers: response.headers, text: await response.text() };
  };
  const press = async (id: string, card: string) => {
    const body = new URLSearchParams({ card });
    const response = await fetch(`${world.double.url}/pay/${id}`, {
      method: "POST",
      body,
      redirect: "manual",
    });
    return { status: response.status, location: response.headers.get("location") };
  };
  return { ...world, get, press };
}

const success = (id: string) => `https://shop.test/orders?session=${id}`;

test("the page shows what is bought, the total, the ways to pay and the way back", async () => {
  const { get, session } = await open();
  const { url } = await session({ line_items: [line(1200, 2), line(99)] });
  const { status, text } = await get(url ?? "");
  expect(status).toBe(200);
  expect(text).toContain("Lamp");
  expect(text).toContain("€24.00");
  expect(text).toContain("<strong>€24.99</strong>");
  for (const label of ["Pay", "Pay with a card that is declined", "Pay slowly"])
    expect(text).toMatch(new RegExp(`<button[^>]*>${label}</button>`));
  expect(text).toContain('<a href="https://shop.test/sales/lamp">Back to the shop</a>');
  expect(text).not.toContain('role="alert"');
});

test.each([
  ["jpy", 1500, "¥1,500"],
  ["kwd", 12_340, "KWD&nbsp;12.340"],
  ["usd", 5, "$0.05"],
  ["isk", 1000, "ISK&nbsp;10.00"],
])("amounts of %s are shown with its own decimals: %d is %s", async (currency, amount, shown) => {
  const { get, session } = await open();
  const { url } = await session({ line_items: [line(amount, 1, currency)] });
  const { text } = await get(url ?? "");
  expect(text.replaceAll("\u00a0", "&nbsp;")).toContain(`<strong>${shown}</strong>`);
});

test("Pay authorises and goes on to the shop with the session's id; pressing twice pays once", async () => {
  const { double, press, session } = await open();
  const { id } = await session();
  expect(await press(id, "ok")).toEqual({ status: 303, location: success(id) });
  expect(await press(id, "ok")).toEqual({ status: 303, location: success(id) });
  expect(double.state().totals.eur?.authorised).toBe(2400);
});

test("a success_url in any script is gone to", async () => {
  const { press, session } = await open();
  const { id } = await session({ success_url: "https://shop.test/bestellung/€?s={CHECKOUT_SESSION_ID}" });
  expect((await press(id, "ok")).location).toBe(`https://shop.test/bestellung/%E2%82%AC?s=${id}`);
});

test("a declined card stays on the page, says so, and can be followed by a good one", async () => {
  const { get, press, session } = await open();
  const { id } = await session();
  expect(await press(id, "declined")).toEqual({ status: 303, location: `/pay/${id}` });
  const { status, text } = await get(`/pay/${id}`);
  expect(status).toBe(200);
  expect(text).toContain('<p role="alert">Your card was declined. You can try again.</p>');
  expect(text).toContain(">Pay</button>");
  expect((await press(id, "ok")).location).toBe(success(id));
});

test("Pay slowly waits on the page until the bank answers, then goes on to the shop", async () => {
  const { get, pass, press, session } = await open();
  const { id } = await session();
  expect(await press(id, "slow")).toEqual({ status: 303, location: `/pay/${id}` });
  const waiting = await get(`/pay/${id}`);
  expect(waiting.text).toContain("Waiting for your bank");
  expect(waiting.text).toContain('http-equiv="refresh" content="1; url=?waiting"');
  expect(waiting.text).not.toContain("<button");
  expect((await press(id, "ok")).location).toBe(`/pay/${id}`);
  await pass(3000);
  const after = await get(`/pay/${id}?waiting`);
  expect([after.status, after.headers.get("location")]).toEqual([303, success(id)]);
});

test("a complete session says so and leads to the order; an expired one leads back", async () => {
  const { double, get, session, stripe } = await open();
  const paid = await session();
  double.pay(paid.id);
  const complete = await get(`/pay/${paid.id}`);
  expect(complete.text).toContain("Already paid");
  expect(complete.text).toContain(`<a href="${success(paid.id)}">`);
  expect(complete.text).not.toContain("<button");
  const expired = await session();
  await stripe.checkout.sessions.expire(expired.id);
  const { text } = await get(`/pay/${expired.id}`);
  expect(text).toContain("This checkout has expired");
  expect(text).toContain('<a href="https://shop.test/sales/lamp">Back to the shop</a>');
  expect(text).not.toContain("<button");
});

test("an expired session cannot be paid from a page that was still open", async () => {
  const { double, pass, press, session } = await open();
  const { id } = await session();
  await pass(24 * 3600_000);
  expect(await press(id, "ok")).toEqual({ status: 303, location: `/pay/${id}` });
  expect(double.state().totals).toEqual({});
});

test("a card that is none of the three pays nothing", async () => {
  const { double, press, session } = await open();
  const { id } = await session();
  expect(await press(id, "free")).toEqual({ status: 303, location: `/pay/${id}` });
  expect(double.state().intents).toEqual([]);
});

test.each(["none", "%3Cscript%3E", "..%2F..%2Fetc", "%00", "__proto__", "a".repeat(5000), "%E0%A4%A"])(
  "a hostile session id is 404 and never shown: %s",
  async (id) => {
    const { get, press } = await open();
    const { status, text, headers } = await get(`/pay/${id}`);
    expect(status).toBe(404);
    expect(text).toContain("No such checkout");
    expect(text).not.toContain("<script");
    expect(text).not.toContain("aaaaa");
    expect(headers.get("content-security-policy")).toContain("default-src 'none'");
    expect((await press(id, "ok")).status).toBe(404);
  },
);

test("nothing the shop says becomes markup", async () => {
  const { get, session } = await open();
  const evil = `"><script>alert('1')</script>&`;
  const { url } = await session({
    line_items: [
      { quantity: 1, price_data: { currency: "eur", unit_amount: 1, product_data: { name: evil } } },
    ],
    cancel_url: `https://shop.test/?"><script>`,
    success_url: `https://shop.test/?"><script>`,
  });
  const { text } = await get(url ?? "");
  expect(text).not.toContain("<script");
  expect(text).toContain("&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;");
});

test("a URL that is no web address never gets to the page", async () => {
  const { double, stripe } = await open();
  for (const cancel_url of ["javascript:alert(1)", "data:text/html,x", "shop.test"])
    expect((await errorOf(stripe.checkout.sessions.create({ ...order, cancel_url }))).code).toBe(
      "url_invalid",
    );
  expect(double.state().sessions).toEqual([]);
});

test("the policy allows no script and lets the form go on to the shop alone", async () => {
  const { get, session } = await open();
  const { url } = await session();
  const { headers, text } = await get(url ?? "");
  expect(headers.get("content-security-policy")).toBe(
    "default-src 'none'; style-src 'self'; form-action 'self' https://shop.test; base-uri 'none'; frame-ancestors 'none'",
  );
  expect(headers.get("cache-control")).toBe("no-store");
  expect(text).not.toMatch(/<script|style=|onclick/);
  const css = await get("/style.css");
  expect(css.headers.get("content-type")).toMatch(/^text\/css/);
});
