/** The scheduler process as a program; nothing imports it but its own tests. */
export { parsedConfig, readConfig, type ServerConfig } from './config.ts';
export { type Scheduler, startScheduler } from './scheduler.ts';
