/** The command line asks for what cannot be: told in one line, exit code 2. */
export class UsageError extends Error {
  readonly code = 'INVALID_ARGUMENT';

  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'UsageError';
  }
}
