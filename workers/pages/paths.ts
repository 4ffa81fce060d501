/** Where the pages are, in the language they are asked for in. */
import type { Speech } from "./speech.ts";

export const homePath = ({ prefix }: Speech) => (prefix === "" ? "/" : prefix);
export const salePath = ({ prefix }: Speech, saleId: string) => `${prefix}/sales/${saleId}`;
export const drawPath = (say: Speech, saleId: string) => `${salePath(say, saleId)}/draw`;
export const visitPath = (say: Speech, saleId: string) => `${salePath(say, saleId)}/visit`;
