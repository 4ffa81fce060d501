/** The local mailbox over real HTTP: what goes in comes out, and nothing a message says becomes code. */
import { expect, onTestFinished, test } from "vitest";
import { createMailbox } from "../../dev/mail/mailbox.ts";
import { startMailbox } from "../../dev/mail/server.ts";

const mail = { from: "shop@shop.test", to: "ann@mail.test", subject: "Your turn", text: "Come in" };

async function open() {
  const server = await startMailbox();
  onTestFinished(() => server.close());
  const post = (body: unknown, headers: Record<string, string> = { "content-type": "application/json" }) =>
    fetch(`${server.url}/api/messages`, {
      method: "POST",
      headers,
      body: typeof body === "string" ? body : JSON.stringify(body),
    });
  const page = async (path: string) => (await fetch(server.url + path)).text();
  return { ...server, post, page };
}

test("an empty box says so", async () => {
  const { page } = await open();
  expect(await page("/")).toContain("<p>No e-mail yet.</p>");
});

test("a delivered message is listed, newest first, and found by its recipient in any case", async () => {
  const { post, url } = await open();
  const first = await post({ ...mail, messageId: "<1@shop.test>" });
  expect(first.status).toBe(201);
  expect(await first.json()).toMatchObject({ ...mail, messageId: "<1@shop.test>" });
  await post({ ...mail, to: "Bob <bob@mail.test>", subject: "Second" });
  const subjects = async (query: string) => {
    const answer = await fetch(`${url}/api/messages${query}`);
    return ((await answer.json()) as { messages: { subject: string }[] }).messages.map((m) => m.subject);
  };
  expect(await subjects("")).toEqual(["Second", "Your turn"]);
  expect(await subjects("?to=ANN@mail.test")).toEqual(["Your turn"]);
  expect(await subjects("?to=bob@mail.test")).toEqual(["Second"]);
  expect(await subjects("?to=mail.test")).toEqual([]);
  expect((await fetch(`${url}/api/messages`, { method: "DELETE" })).status).toBe(204);
  expect(await subjects("")).toEqual([]);
});

test("the same message sent twice is there twice", () => {
  const box = createMailbox();
  box.deliver({ ...mail, messageId: "1" });
  box.deliver({ ...mail, messageId: "1" });
  expect(box.list()).toHaveLength(2);
});

test("a full box forgets its oldest message", () => {
  const box = createMailbox(2);
  for (const subject of ["a", "b", "c"]) box.deliver({ ...mail, subject });
  expect(box.list().map(({ subject }) => subject)).toEqual(["c", "b"]);
});

test.each([
  ["no recipient", { from: "a", subject: "s", text: "t" }, "/to"],
  ["no body", { from: "a", to: "b", subject: "s" }, "/text"],
  ["a second line in a header", { ...mail, subject: "a\r\nBcc: all" }, "/subject"],
  ["a field nobody knows", { ...mail, bcc: "all" }, ""],
])("a message with %s is refused with a pointer", async (_, body, pointer) => {
  const { post, mailbox } = await open();
  const answer = await post(body);
  expect(answer.status).toBe(422);
  expect(answer.headers.get("content-type")).toBe("application/problem+json");
  expect(await answer.json()).toMatchObject({ type: "invalid", errors: [{ pointer }] });
  expect(mailbox.list()).toEqual([]);
});

test("what is not JSON, not called JSON, or far too large is refused", async () => {
  const { post, mailbox } = await open();
  expect((await post("{")).status).toBe(400);
  expect((await post(JSON.stringify(mail), { "content-type": "text/plain" })).status).toBe(415);
  expect((await post({ ...mail, text: "x".repeat(3_000_000) })).status).toBe(413);
  expect(mailbox.list()).toEqual([]);
});

test("nothing a message says becomes markup; addresses in its text become links", async () => {
  const { mailbox, page, url } = await open();
  const evil = '<script>alert("1")</script>';
  const link = "https://shop.test/c?token=a&x=1";
  const { id } = mailbox.deliver({
    from: evil,
    to: `"><img src=x onerror=1>`,
    subject: evil,
    text: `${evil} Open ${link}. javascript:alert(1)`,
    messageId: evil,
  });
  for (const path of ["/", `/messages/${id}`, `/?to=${encodeURIComponent(evil)}`]) {
    const text = await page(path);
    expect(text).not.toContain("<script");
    expect(text).not.toContain("<img");
  }
  const href = link.replace("&", "&amp;");
  const message = await page(`/messages/${id}`);
  expect(message).toContain(`<a href="${href}" rel="noreferrer">${href}</a>. javascript:alert(1)`);
  expect((await fetch(`${url}/style.css`)).headers.get("content-type")).toMatch(/^text\/css/);
  const policy = (await fetch(url)).headers.get("content-security-policy");
  expect(policy).toMatch(/^default-src 'none'; style-src 'self'/);
  expect(policy).not.toContain("unsafe");
});

test("HTML is shown in a sandboxed frame, under a policy without scripts", async () => {
  const { mailbox, page, url } = await open();
  const { id } = mailbox.deliver({ ...mail, html: "<h1>Hi</h1><script>1</script>" });
  const message = await page(`/messages/${id}`);
  const frameTag = /<iframe\s[^>]*>/.exec(message)?.[0];
  expect(frameTag).toContain('sandbox="allow-popups allow-popups-to-escape-sandbox"');
  expect(frameTag).toContain(`src="/messages/${id}/html"`);
  expect(message).not.toContain("<h1>Hi</h1>");
  const frame = await fetch(`${url}/messages/${id}/html`);
  const policy = frame.headers.get("content-security-policy");
  expect(policy).toMatch(/^sandbox allow-popups/);
  expect(policy).toContain("default-src 'none'");
  expect(policy).not.toContain("script");
  expect(await frame.text()).toContain("<h1>Hi</h1>");
});

test("a message that is not there is 404, as a page and as JSON", async () => {
  const { url } = await open();
  expect((await fetch(`${url}/messages/none`)).status).toBe(404);
  expect((await fetch(`${url}/messages/none/html`)).status).toBe(404);
  const other = await fetch(`${url}/nowhere`);
  expect(other.status).toBe(404);
  expect(await other.json()).toMatchObject({ type: "not_found" });
});

test("a taken port is Node's own EADDRINUSE error", async () => {
  const { port } = await open();
  await expect(startMailbox({ port })).rejects.toMatchObject({ code: "EADDRINUSE" });
});
