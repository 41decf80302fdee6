/** `workflowOf(data)`: a workflow that was not built here but read from somewhere, as data. */
import { version, type Workflow } from '@troupe/model';
import { checkName, definitionBrand } from './definition.ts';
import type { WorkflowDefinition } from './workflow.ts';

/** Defines a workflow by its data. The cluster checks it when the bundle is deployed. */
export function workflowOf<I = unknown, O = unknown>(data: Workflow): WorkflowDefinition<I, O> {
  checkName('workflow', data.name);
  const definition: WorkflowDefinition<I, O> = {
    [definitionBrand]: 'workflow',
    name: data.name,
    sdk: version,
    workflow: data,
  };
  return Object.freeze(definition);
}
