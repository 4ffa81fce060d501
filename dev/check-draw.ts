/** `npm run check-draw`: recomputes places of a draw from what is public, on the checker's own machine. */
import { Command } from "commander";
import { z } from "zod";
import { commitmentOf, placeOf } from "../static/assets/draw.js";

const drawSchema = z.object({
  commitment: z.string(),
  seed: z.string().optional(),
  count: z.number().optional(),
});
const published = z.object({
  name: z.string(),
  opensAt: z.string(),
  registration: z.object({ until: z.string() }).optional(),
  draw: drawSchema.optional(),
  slotDraw: drawSchema.optional(),
});

/** What ends the command with one line. */
class Wrong extends Error {}

async function publicData(address: string): Promise<z.output<typeof published>> {
  const url = URL.parse(address);
  const id = /\/sales\/([^/]+)/.exec(url?.pathname ?? "")?.[1];
  if (url === null || id === undefined)
    throw new Wrong(`"${address}" is not the address of a sale, such as https://shop.example/sales/spring`);
  const answer = await fetch(new URL(`/api/sales/${id}`, url)).catch((error: unknown) => {
    throw new Wrong(
      `${url.origin} does not answer: ${error instanceof Error ? error.message : String(error)}`,
    );
  });
  if (answer.status === 404) throw new Wrong(`There is no sale "${id}" at ${url.origin}.`);
  const sale = published.safeParse(await answer.json().catch(() => undefined));
  if (!answer.ok || !sale.success)
    throw new Wrong(`${url.origin} answered ${answer.status}, which is no sale.`);
  return sale.data;
}

interface Options {
  commitment?: string;
  slots?: true;
}

async function check(address: string, numbers: string[], { commitment: noted, slots }: Options) {
  const sale = await publicData(address);
  const { name, opensAt } = sale;
  const draw = slots === true ? sale.slotDraw : sale.draw;
  if (draw === undefined)
    throw new Wrong(
      `"${name}" has no such draw: its ${slots === true ? "slots are not drawn" : "line goes by arrival"}.`,
    );
  const say = (line: string) => void process.stdout.write(`${line}\n`);
  say(`Fingerprint  ${draw.commitment}`);
  if (noted !== undefined && noted !== draw.commitment)
    throw new Wrong("The fingerprint is not the one you noted: it was changed after it was published.");
  if (draw.seed === undefined || draw.count === undefined)
    throw new Wrong(
      slots === true
        ? `The secret is published when registration closes, ${sale.registration?.until ?? opensAt}. Note the fingerprint, and come back then.`
        : `The secret is published at opening, ${opensAt}. Note the fingerprint, and come back then.`,
    );
  say(`Secret       ${draw.seed}\nNumbers      1 to ${draw.count}`);
  if ((await commitmentOf(draw.seed)) !== draw.commitment)
    throw new Wrong(
      "The secret is not the one of the fingerprint: this draw is not the one that was announced.",
    );
  say("The secret is the one that was announced.");
  for (const text of numbers) {
    const number = Number(text);
    if (!Number.isInteger(number) || number < 1 || number > draw.count)
      throw new Wrong(`There is no number ${text} in this draw: it was over 1 to ${draw.count}.`);
    say(`Number ${number} has place ${await placeOf(draw.seed, draw.count, number)}.`);
  }
}

const command = new Command("check-draw")
  .description("Recomputes places of a sale's draw from its public data.")
  .argument("<sale>", "address of the sale's page, such as https://shop.example/sales/spring")
  .argument("[numbers...]", "numbers of the lobby, or of confirmation")
  .option("--slots", "the draw of the slots, not that of the line")
  .option("--commitment <hex>", "the fingerprint as you noted it before the sale opened")
  .addHelpText("after", "\nExample:\n  npm run check-draw -- https://shop.example/sales/spring 17 230")
  .action(check);

try {
  await command.parseAsync();
} catch (error) {
  if (!(error instanceof Wrong)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
