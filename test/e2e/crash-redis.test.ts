import { describe } from 'vitest';
import { need } from '../support/need.ts';
import { crashTest } from './crash-story.ts';

describe.skipIf(!need('redis-server'))('with a real Redis', () => {
  crashTest('Redis');
});
