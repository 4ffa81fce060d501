/** The table is complete: whatever a story asks of a store while it is told is a step that meets faults, or a plain read. */
import { expect, test } from "vitest";
import { STEPS, type Step } from "./requests.ts";
import { play, STORIES, type Story } from "./stories.ts";
import { stepAt, STOPS, storyNames } from "./table.ts";
import { useShop } from "./world.ts";

const shop = await useShop();
const walked = new Set(Object.values(STOPS).flatMap((stops) => stops.map(stepAt)));

/** Steps that change nothing, or that a story without faults does not know. */
const others: Step[] = ["read payment", "reserve", "event failed"];

test("every step that there is stands in the table", () => {
  const steps = Object.values(STEPS).flat();
  expect(steps.filter((step) => !walked.has(step) && !others.includes(step))).toEqual(["refund failed"]);
});

test.each(storyNames)("%s: all that is asked of a store has its row", async (name) => {
  const story: Story = STORIES[name];
  await shop.at({}, async (place) => {
    const buyer = await story.before(place);
    await place.quiet();
    const from = place.log.length;
    await story.tell(place, buyer);
    await place.quiet();
    const seen = place.log.slice(from).filter((step) => step !== "other");
    expect(seen.filter((step) => !walked.has(step) && !others.includes(step))).toEqual([]);
    for (const stop of STOPS[name]) expect(seen).toContain(stepAt(stop));
  });
});

test.each(storyNames)("%s, without a fault", (story) =>
  play(shop, { story, fault: undefined, step: "mark" }),
);
