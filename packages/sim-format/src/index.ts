/** Workflows of Sim, read from their serialized JSON. */
export { type BlockType, type BlockTypes, blockTypesSchema, builtInTypes } from './block-types.ts';
export type { NeededTask } from './blocks.ts';
export {
  type Imported,
  type ImportedBlock,
  type ImportOptions,
  importSim,
  type Remark,
} from './import-sim.ts';
export { type ModuleOptions, moduleText } from './module-text.ts';
