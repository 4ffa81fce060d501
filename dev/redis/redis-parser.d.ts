/** The package ships no types; this is the part of it that connection.ts uses. */
declare module "redis-parser" {
  /** With both options on: strings are Buffers, integers are strings of digits, errors are Errors. */
  export type Parsed = Buffer | string | null | Error | Parsed[];

  export default class Parser {
    constructor(options: {
      returnReply: (reply: Parsed) => void;
      returnError: (error: Error) => void;
      returnFatalError: (error: Error) => void;
      returnBuffers: true;
      stringNumbers: true;
    });
    execute(chunk: Buffer): void;
  }
}
