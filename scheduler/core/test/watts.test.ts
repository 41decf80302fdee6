import { describe, expect, it } from 'vitest';
import { type SchedulerConfig, SchedulerMachine } from '../src/index.ts';
import { config, Scene, task } from './scene.ts';

const power = {
  gpus: { a100: { idle: 50, full: 400 }, t4: { idle: 10, full: 70 } },
  gpuOther: { idle: 30, full: 150 },
  cpus: { thrifty: { idle: 20, full: 60, cores: 32 } },
  cpuOther: { idle: 15, full: 120, cores: 32 },
};

/** Three nodes that differ in nothing but their models, the one that draws the least in the middle. */
function sceneOf(given: SchedulerConfig): Scene {
  const scene = new Scene(new SchedulerMachine(given), given);
  scene.deploys({ tasks: [task('work'), task('infer', { resources: { gpu: 1 } })] });
  scene.joins('n1.aaaaaaaa', { cpu: 32, gpu: 1 }, { 'gpu-model': 'a100' });
  scene.joins('n2.aaaaaaaa', { cpu: 32, gpu: 1 }, { 'gpu-model': 't4', 'cpu-model': 'thrifty' });
  scene.joins('n3.aaaaaaaa', { cpu: 32, gpu: 1 });
  return scene;
}

function nodeOf(scene: Scene, id: string, name: string): string | undefined {
  scene.submits(id, { name });
  return scene.started(id)[0]?.node;
}

describe('energy-aware placement of a cell that says what its nodes draw', () => {
  const strategy = 'energy-aware';

  it('goes by the models that the labels of nodes name: of gpus, and of cpus', () => {
    const scene = sceneOf({ ...config, placement: { strategy, power } });
    expect(nodeOf(scene, 'first', 'infer')).toBe('n2.aaaaaaaa');
    expect(nodeOf(scene, 'second', 'infer')).toBe('n3.aaaaaaaa');
    expect(nodeOf(scene, 'third', 'infer')).toBe('n1.aaaaaaaa');
    const other = sceneOf({ ...config, placement: { strategy, power } });
    expect(nodeOf(other, 'plain', 'work')).toBe('n2.aaaaaaaa');
  });

  it('goes by how full nodes are where nothing is said', () => {
    const scene = sceneOf({ ...config, placement: { strategy } });
    expect(nodeOf(scene, 'plain', 'work')).toBe('n1.aaaaaaaa');
    expect(nodeOf(scene, 'next', 'work')).toBe('n1.aaaaaaaa');
  });
});
