import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { EnterpriseEntities } from '../../../src/sandbox/kong/enterprise/lists.ts';
import { startStandInKong } from '../../../src/sandbox/kong/stand-in.ts';
import type { StandInKong } from '../../../src/sandbox/kong/stand-in.ts';
import { discardSet } from '../../../src/steps/backup/discard-set.ts';
import { dumpDeclarative } from '../../../src/steps/backup/dump-declarative.ts';
import { publishSet } from '../../../src/steps/backup/publish-set.ts';
import { refOf } from '../../../src/steps/deps.ts';
import { preflight } from '../../../src/steps/preflight/preflight.ts';
import { need } from '../../support/need.ts';
import { faultFrom, makeWorld } from './steps-world.ts';
import type { World } from './steps-world.ts';

const ready = [need('fixtures'), need('psql'), need('deck')].every(Boolean);
const ROLE = { id: '2d3a9b1e-6f0a-4a55-9a8e-0f3f4b1c7d11', name: 'reader', comment: 'reads' };
const GROUP = { id: '9b7d4f8c-3f43-4c62-8d3c-5b5a4e0c1a22', name: 'engineering' };
const USER = {
  id: '5f3a9b1e-6f0a-4a55-9a8e-0f3f4b1c7d33',
  name: 'ci',
  enabled: true,
  user_token: '$2b$09$not-a-real-hash',
};
const ENTERPRISE: EnterpriseEntities = {
  lists: {
    'default/rbac/roles': [ROLE],
    [`default/rbac/roles/${ROLE.id}/endpoints`]: [
      { endpoint: '/services', workspace: 'default', actions: ['read'], negative: false, role: { id: ROLE.id } },
    ],
    [`default/rbac/roles/${ROLE.id}/entities`]: [
      { entity_id: '*', entity_type: 'wildcard', actions: ['read'], negative: false },
    ],
    'default/rbac/users': [USER],
    [`default/rbac/users/${USER.id}/roles`]: { roles: [ROLE], user: USER },
    groups: [GROUP],
    [`groups/${GROUP.id}/roles`]: [{ group: GROUP, rbac_role: ROLE, workspace: { name: 'default' } }],
    admins: Array.from({ length: 25 }, (_, index) => ({ id: `admin-${index}`, username: `admin-${index}`, status: 0 })),
    'default/event-hooks': [
      {
        id: 'hook-1',
        source: 'crud',
        handler: 'webhook',
        config: { url: 'https://example.com', secret: 'hook-secret' },
      },
    ],
    licenses: [{ id: 'licence-1', payload: 'the-whole-licence' }],
  },
};

describe.skipIf(!ready)('what Kong Enterprise keeps beside the configuration of its proxy', () => {
  let world: World;
  const nodes: StandInKong[] = [];
  beforeAll(async () => {
    world = await makeWorld({ kinds: ['declarative'] });
  });
  afterAll(async () => {
    for (const node of nodes) await node.stop();
    await world.end();
  });
  const gatewayOf = async (
    enterprise: EnterpriseEntities,
    { mayNotRead = [], gateway = {} }: { mayNotRead?: readonly string[]; gateway?: object } = {},
  ): Promise<World> => {
    const node = await startStandInKong({
      databaseUrl: world.databaseUrl,
      edition: 'enterprise',
      enterprise,
      tokenRights: { mayNotRead },
    });
    nodes.push(node);
    return world.with({ gateway: { admin_api: { url: node.url, timeout_seconds: 5 }, ...gateway } });
  };
  const placeOf = (here: World): string => here.deps.destinations[0]?.placeOf(refOf(here.run())) ?? '';
  const linesOf = async (here: World): Promise<Record<string, unknown>[]> => {
    // Compressed alone: the set is not encrypted.
    const text = zstdDecompressSync(await readFile(join(placeOf(here), 'entities.ndjson.zst'))).toString();
    return text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  };

  it('comes along: RBAC by decK, and what no decK carries in one file that says who can bring it back', async () => {
    const here = await gatewayOf(ENTERPRISE);
    await here.perform('preflight', preflight);
    const { outputs } = await here.perform('dump-declarative', dumpDeclarative);
    const artifacts = outputs['artifacts'] as { kind: string; name: string; facts: object }[];
    expect(artifacts.map(({ kind, name }) => [kind, name])).toEqual([
      ['declarative', 'declarative-default.yaml'],
      ['entities', 'entities.ndjson.zst'],
      ['rbac', 'rbac-default.yaml'],
    ]);
    expect(artifacts[1]?.facts).toEqual({
      groups: 1,
      admins: 25,
      licenses: 1,
      'rbac-users': 1,
      'entity-permissions': 1,
      'event-hooks': 1,
    });
    const { outputs: published } = await here.perform('publish-set', publishSet);

    expect(parse(await readFile(join(placeOf(here), 'rbac-default.yaml'), 'utf8'))).toMatchObject({
      _workspace: 'default',
      rbac_roles: [{ name: 'reader', endpoint_permissions: [{ endpoint: '/services', actions: ['read'] }] }],
    });
    const lines = await linesOf(here);
    expect(lines[0]).toMatchObject({
      format: 'kong-chatops-entities/1',
      types: { groups: { comesBack: 'post' }, admins: { comesBack: 'people' }, 'rbac-users': { comesBack: 'people' } },
    });
    expect(lines.find(({ type }) => type === 'groups')).toEqual({
      type: 'groups',
      workspace: null,
      entity: { ...GROUP, roles: [{ group: GROUP, rbac_role: ROLE, workspace: { name: 'default' } }] },
    });
    expect(lines.find(({ type }) => type === 'rbac-users')).toEqual({
      type: 'rbac-users',
      workspace: 'default',
      // The set is not encrypted.
      entity: { ...USER, user_token: '***', roles: [ROLE] },
    });
    expect(lines.find(({ type }) => type === 'licenses')?.['entity']).toEqual({
      id: 'licence-1',
      payload_sha256: createHash('sha256').update('the-whole-licence').digest('hex'),
    });
    expect(lines.at(-1)).toMatchObject({ end: true, counts: { admins: 25 } });
    expect(JSON.stringify(lines)).not.toMatch(/hook-secret|the-whole-licence|not-a-real-hash/);

    const gaps = published['gaps'] as { kind: string; count: number | null; what: string; why: string }[];
    expect(gaps.find(({ kind }) => kind === 'admins')).toEqual({
      kind: 'admins',
      count: 25,
      what: '25 admins are in the set by name alone',
      why: 'only people can bring them back through the Admin API; the set has no database dump',
    });
    expect(gaps.map(({ kind }) => kind)).not.toContain('groups');
    expect(gaps.map(({ kind }) => kind)).not.toContain('rbac-roles');
    const manifest = JSON.parse(await readFile(join(placeOf(here), 'manifest.json'), 'utf8')) as { format: string };
    expect(manifest.format).toBe('kong-chatops-backup/3');
  });

  it('is a gap that names the permission where the token may not see it', async () => {
    const here = await gatewayOf(ENTERPRISE, { mayNotRead: ['rbac', 'admins'] });
    await here.perform('preflight', preflight);
    await here.perform('dump-declarative', dumpDeclarative);
    const { outputs } = await here.perform('publish-set', publishSet);
    const gaps = outputs['gaps'] as { kind: string; what: string; why: string }[];
    expect(gaps.filter(({ kind }) => ['rbac', 'admins', 'rbac-users'].includes(kind))).toEqual([
      {
        kind: 'rbac',
        count: null,
        what: 'RBAC roles of 1 workspace are not in the set: default',
        why: 'the Admin token may not read /default/rbac/roles (HTTP 403): give it the permission to read rbac/roles in each workspace',
      },
      {
        kind: 'admins',
        count: null,
        what: 'The admins are not all in the set',
        why: 'the Admin token may not read /admins (HTTP 403): give it that permission',
      },
      {
        kind: 'rbac-users',
        count: null,
        what: 'The RBAC users are not all in the set',
        why: 'the Admin token may not read /default/rbac/users (HTTP 403): give it that permission',
      },
    ]);
  });

  it('is read page by page to the end of a long list, and a list that breaks off is no backup', async () => {
    const hooks = Array.from({ length: 2300 }, (_, index) => ({ id: `hook-${index}`, source: 'crud' }));
    const here = await gatewayOf({ lists: { 'default/event-hooks': hooks } });
    await here.perform('preflight', preflight);
    const { outputs } = await here.perform('dump-declarative', dumpDeclarative);
    const entities = (outputs['artifacts'] as { kind: string; facts: object }[]).find(
      ({ kind }) => kind === 'entities',
    );
    expect(entities?.facts).toMatchObject({ 'event-hooks': 2300 });

    const again = here.with({ gateway: here.deps.gateway });
    await again.perform('preflight', preflight);
    nodes.at(-1)?.faults.respond('GET', /event-hooks.*offset=2000/, 404);
    expect((await faultFrom(again.perform('dump-declarative', dumpDeclarative))).facts()).toEqual({
      code: 'kong.list-broken',
      message:
        'The list of event hooks cannot be read to its end: a page of /event-hooks answered HTTP 404, or no list.',
      hint: "Look at Kong's error log for this request, then try again.",
    });
    expect(await again.deps.destinations[0]?.hasStaged(refOf(again.run()))).toBe(true);
    await again.perform('discard-set', discardSet);
    expect(await again.deps.destinations[0]?.hasStaged(refOf(again.run()))).toBe(false);
  });

  it('costs a gateway without Enterprise no request and no gap', async () => {
    const here = world.with({});
    await here.perform('preflight', preflight);
    const { outputs } = await here.perform('dump-declarative', dumpDeclarative);
    expect((outputs['artifacts'] as { kind: string }[]).map(({ kind }) => kind)).toEqual(['declarative']);
    expect(here.kong.requests.filter(({ path }) => /rbac.*entities|keyring|licenses.*1000/.test(path))).toEqual([]);
  });
});
