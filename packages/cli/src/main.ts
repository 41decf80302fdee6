/** Entry of the `troupe` command. */
import { runCommand } from './command/program.ts';

// `troupe actors | head` closes our output early; that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1);
});
process.exitCode = await runCommand(process.argv.slice(2));
