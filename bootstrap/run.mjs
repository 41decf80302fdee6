/**
 * Child processes of the bootstrap. Two ways: `run` collects the output of a short command,
 * `hand` gives the terminal to a child and passes signals on, so that Ctrl-C leaves no orphan.
 */
import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { root } from './locate.mjs';

/** Runs a command to its end and answers its stdout; throws with its stderr. */
export function run(command, args, options = {}) {
  const env = { ...process.env, ...options.env };
  return new Promise((resolve, reject) => {
    execFile(
      command,
      args,
      { cwd: options.cwd, env, timeout: 300_000, maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) => {
        if (error === null) return resolve(stdout);
        if (error.code === 'ENOENT') {
          const missing = new Error(`${command} is not on this machine`);
          return reject(Object.assign(missing, { missing: true }));
        }
        reject(new Error(stderr.trim() || error.message));
      },
    );
  });
}

/** The environment of a Node child: extra certificates slow every start and only npm needs them. */
export function nodeEnvironment() {
  const { NODE_EXTRA_CA_CERTS: _, ...rest } = process.env;
  return rest;
}

/**
 * Runs a child on this terminal and answers its exit code (128 + signal when a signal ended it).
 * SIGINT from the terminal reaches the child by itself, because it shares our process group: it is
 * passed on only when it was sent to this process alone, which a terminal never does.
 */
export function hand(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: 'inherit', ...options });
    const forward = (signal) => {
      if (!(signal === 'SIGINT' && process.stdin.isTTY)) child.kill(signal);
    };
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
    for (const signal of signals) process.on(signal, forward);
    const settle = () => {
      for (const signal of signals) process.off(signal, forward);
    };
    child.on('error', (error) => {
      settle();
      reject(error);
    });
    child.on('exit', (code, signal) => {
      settle();
      resolve(signal === null ? (code ?? 1) : 128 + constants.signals[signal]);
    });
  });
}

/** Runs one of this repository's programs on this terminal; answers its exit code. */
export function handNode(program, args, cwd = root) {
  const path = join(root, program);
  if (!existsSync(path)) throw new Error(`${path} is missing; was the code compiled (tsc -b)?`);
  return hand(process.execPath, [path, ...args], { cwd, env: nodeEnvironment() });
}
