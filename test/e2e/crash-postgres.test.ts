import { crashTest } from './crash-story.ts';

crashTest('PostgreSQL');
