/** Virtual time: what happens when, and what a leap puts off. */
import { expect, test } from 'vitest';
import { Timeline } from '../src/index.ts';

test('events happen in the order of their times, and of their making where these are equal', () => {
  const { timeline, said, say } = stage();
  timeline.at(5, say('b'));
  timeline.at(5, say('c'));
  timeline.at(2, say('a'));
  timeline.at(3, say('never'))();
  while (timeline.next !== undefined) timeline.step();
  expect(said).toEqual(['a', 'b', 'c']);
  expect(timeline.now).toBe(5);
});

test('a leap puts routine off, and nothing else', () => {
  const { timeline, said, say } = stage();
  timeline.at(10, say('beat'), true);
  timeline.at(1_000, say('due'));
  expect(timeline.nextBesideRoutine).toBe(1_000);
  timeline.leap(1_000);
  expect(timeline.now).toBe(1_000);
  timeline.step();
  expect(said).toEqual(['due']);
  expect(timeline.next).toBe(1_010);
});

test('nothing is leapt over that was taken back, and nothing that stands is forgotten', () => {
  const { timeline, say } = stage();
  const cancel = timeline.at(50, say('cancelled'));
  timeline.at(20, say('beat'), true);
  timeline.at(900, say('due'));
  cancel();
  expect(timeline.nextBesideRoutine).toBe(900);
  timeline.leap(800);
  expect(timeline.next).toBe(820);
});

function stage() {
  const timeline = new Timeline();
  const said: string[] = [];
  const say = (text: string) => () => {
    said.push(text);
  };
  return { timeline, said, say };
}
