/** Structured lines on stderr; stdout belongs to the one line that says a process is ready. */
import { pino } from 'pino';

export type LogFields = { readonly [name: string]: unknown };

/** What every part of the fabric writes its lines to. */
export interface Logger {
  debug(fields: LogFields, text: string): void;
  info(fields: LogFields, text: string): void;
  warn(fields: LogFields, text: string): void;
  error(fields: LogFields, text: string): void;
}

/** The logger of a process: JSON lines on stderr, each with the name of the process. */
export function processLogger(name: string, level = 'info'): Logger {
  return pino({ name, level, base: { name, pid: process.pid } }, pino.destination(2));
}

/** Says nothing: for tests and for callers who report errors themselves. */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };
