// What stands behind the functions' `EMAIL` binding here: the same method as the platform's, into the local mailbox.
// Text, not a module of this program: it runs in workerd.
import { WorkerEntrypoint } from "cloudflare:workers";

export default class extends WorkerEntrypoint {
  async send({ from, to, subject, text, html, headers }) {
    const answer = await fetch(`${this.env.MAILBOX_URL}/api/messages`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ from, to, subject, text, html, messageId: headers?.["Message-ID"] }),
    });
    if (!answer.ok) throw Object.assign(new Error("the mailbox refused it"), { code: `E_${answer.status}` });
    return { messageId: (await answer.json()).id };
  }
}
