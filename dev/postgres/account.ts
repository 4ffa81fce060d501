/**
 * Who PostgreSQL runs as. It refuses to run as root, so under root its programs are started with the uid and gid of
 * `nobody`; no user is ever created. Accepted trade-off: other processes of `nobody` can read the local data.
 */
import { execFileSync } from "node:child_process";

export interface Account {
  uid: number;
  gid: number;
}

const nobodyId = 65534;

/** The account to start PostgreSQL's programs under, or undefined to keep our own (we are not root). */
export function unprivilegedAccount(): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  return { uid: idOfNobody("-u"), gid: idOfNobody("-g") };
}

function idOfNobody(flag: "-u" | "-g"): number {
  try {
    const id = Number(execFileSync("id", [flag, "nobody"], { encoding: "utf8", stdio: "pipe" }));
    // Some systems print nobody's -2 as an unsigned number that spawn() does not take.
    return Number.isInteger(id) && id > 0 && id < 2 ** 31 ? id : nobodyId;
  } catch {
    return nobodyId;
  }
}
