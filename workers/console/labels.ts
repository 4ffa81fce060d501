/** What the fields of a sale's form are called: beside each, and at the head of the page where it says what is wrong. Pure. */

/** By name. */
export const labels = {
  name: "Name",
  id: "Id",
  description: "Description",
  image: "Picture",
  images: "More pictures",
  currency: "Currency",
  zone: "Time zone",
  opensAt: "Opens",
  closesAt: "Closes",
  registrationOpensAt: "Registration opens",
  registrationClosesAt: "Registration closes",
  identity: "One person is",
  lobby: "Places in line",
  "slots.count": "Units",
  "slots.allocation": "Given to",
  "slots.claimUntil": "Kept until",
  releaseSize: "People at each release",
  releaseEverySeconds: "Seconds between releases",
  capacity: "People inside at once",
  joinShards: "Shards for who joins",
  passSeconds: "Seconds to choose",
  holdSeconds: "Seconds to pay",
  "emails.from": "From",
  "emails.replyTo": "Answers go to",
  "emails.note": "A paragraph of your own",
  keepAddressesDays: "Days to keep registered addresses",
  allowedOrigins: "Other sites that may sell it",
  reason: "Reason",
} as const;
export type FieldName = keyof typeof labels;

export const itemLabels = {
  sku: "SKU",
  name: "Name",
  stock: "Units",
  price: "Price",
  limit: "Per person",
  image: "Picture",
} as const;
export const ITEMS_LABEL = "What is sold";

/** Of names that have two parts: what comes before the label where it stands alone. */
const groups: Record<string, string> = { slots: "Slots › ", emails: "E-mails › " };

const isItemField = (name: string): name is keyof typeof itemLabels => Object.hasOwn(itemLabels, name);
const isField = (name: string): name is FieldName => Object.hasOwn(labels, name);

/** The field of the form that a JSON pointer means, and what it is called where it stands alone; undefined for none. */
export function fieldAt(pointer: string): { pointer: string; label: string } | undefined {
  const [group = "", step = "", field = ""] = pointer.slice(1).split("/");
  if (group === "items") {
    if (!isItemField(field)) return { pointer: "/items", label: ITEMS_LABEL };
    return { pointer: `/items/${step}/${field}`, label: `Item ${Number(step) + 1} › ${itemLabels[field]}` };
  }
  if (pointer === "/slots") return { pointer: "/slots/count", label: "Slots" };
  // A list such as the pictures is one field, whatever it is in the list that is wrong.
  const name = [`${group}.${step}`, group].find(isField);
  return name && { pointer: `/${name.replace(".", "/")}`, label: `${groups[group] ?? ""}${labels[name]}` };
}
