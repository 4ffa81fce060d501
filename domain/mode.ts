/** The operator's hand on a sale (design §3). Apart from the sale's schemas, which the edge does not carry. */
export const modes = ["normal", "hold", "drain", "reject", "passthrough"] as const;
export type Mode = (typeof modes)[number];
