/** The shell of this machine. */
import { frameArgs, framed, newFrame } from './frame.ts';
import { runProgram } from './program.ts';
import { answerMsDefault, boundOf, type Shell, scriptResult } from './shell.ts';

/** `prefix` goes before every command, such as `ip netns exec NAME`. */
export function localShell(prefix: readonly string[] = []): Shell {
  const place = 'this machine';
  return {
    place,
    async run(script, args, run) {
      const frame = newFrame(answerMsDefault);
      const first = frameArgs(frame, boundOf(frame, run));
      const own = ['sh', '-c', framed(script), 'troupe', ...first, ...args.map(String)];
      const end = await runProgram([...prefix, ...own], {
        msMax: boundOf(frame, run),
        input: run,
        held: frame.held,
      });
      return scriptResult(place, frame, end, run);
    },
  };
}
