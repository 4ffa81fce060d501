export interface Change {
  /** A file of the functions. */
  in: string;
  find: string;
  put: string;
}
export interface Defect {
  name: string;
  changes: Change[];
}
