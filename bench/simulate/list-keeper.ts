/** The operator of the list: invites people, looks at the list, and has e-mails tried again that may not have gone out. */
import { isRefusal } from "../../domain/refusal.ts";
import { HOSTS } from "./engines.ts";
import { lives } from "./lives.ts";
import type { ListDeed } from "./registration-plan.ts";
import type { World } from "./world.ts";

export function keepList(world: World): void {
  const { registration } = world.plan;
  for (const [nth, { atMs, does }] of (registration?.deeds ?? []).entries()) {
    const life = world.somebody("operator", 850 + nth);
    world.kernel.at(world.kernel.nowMs - world.sinceMs() + atMs, () => {
      void lives.run(life, async () => {
        const outcome = await act(world, life, does);
        const word =
          "error" in outcome ? outcome.error : isRefusal(outcome.value) ? outcome.value.refused : "done";
        world.history.note("operator", `${does}: ${word.slice(0, 80)}`);
      });
    });
  }
}

async function act(world: World, life: ReturnType<World["somebody"]>, does: ListDeed["does"]) {
  const { id } = world.sale;
  const step = `operator ${does}`;
  switch (does) {
    case "import": {
      const invited = world.plan.shoppers
        .filter(({ nth }) => nth % 4 === 0)
        .map(({ name }) => `${name}@people.test`);
      const list = ["email", ...invited, "invited@people.test", "no address", ...invited.slice(0, 1)].join(
        "\n",
      );
      return await world.ask(life, step, (services, steps) =>
        steps.importInvites(services, id, list, HOSTS.shop),
      );
    }
    case "export":
      return await world.ask(life, step, async (services, steps) => {
        const answer = await steps.exportRegistrations(services, id);
        if (isRefusal(answer)) return answer;
        let list = "";
        for await (const page of answer.pages) list += page;
        return { list };
      });
    case "numbers":
      return await world.ask(life, step, (services, steps) => steps.readNumbers(services, id));
    case "retry":
      return await world.ask(life, step, async (services, steps) => {
        const dead = await steps.listEmails(services, { state: "dead", sale: id, limit: 100 });
        for (const email of dead) await steps.retryEmail(services, email.id);
        return {};
      });
  }
}
