/** The crew's definitions, for those who deploy or call them from elsewhere. */
export { crew, Editor, Librarian, Reader, Writer } from './agents.ts';
export type { Answer, CrewInput, CrewResult, Plan } from './contract.ts';
