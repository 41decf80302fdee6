/** What every node of the simulation has. */
export const nodeResources: { readonly [name: string]: number } = { cpu: 4, memory: 4_096 };
