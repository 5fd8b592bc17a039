import { z } from 'zod';

const text = z.string().catch('');
const texts = z.array(text).catch([]);
const reference = z
  // Anything that is not a well-formed reference may be the secret itself: it must not be looked up and shown.
  .union([z.object({ env: z.string().regex(/^[A-Z][A-Z0-9_]*$/) }), z.object({ file: z.string().startsWith('/') })])
  .optional()
  .catch(undefined);
const policy = z
  .object({
    groups: z.array(
      z.object({ group: text, minimum: z.int().min(1).max(20).catch(1) }).catch({ group: '', minimum: 1 }),
    ),
  })
  .optional()
  .catch(undefined);

const person = z.object({ id: text, system_user: text }).catch({ id: '', system_user: '' });
const credentials = z
  .object({ access_key_id: reference, secret_access_key: reference })
  .catch({ access_key_id: undefined, secret_access_key: undefined });
const destination = z
  .object({ name: text, holds: text, credentials })
  .catch({ name: '', holds: '', credentials: { access_key_id: undefined, secret_access_key: undefined } });
const group = z
  .object({ name: text, roles: texts, members: texts, slack_user_group: text })
  .catch({ name: '', roles: [], members: [], slack_user_group: '' });
const headers = z.record(z.string(), reference).optional().catch(undefined);
const node = z
  .object({ name: text, admin_api: z.object({ token: reference, headers }).optional().catch(undefined) })
  .catch({ name: '', admin_api: undefined });
const proof = z
  .object({ credential: z.object({ value: reference }) })
  .optional()
  .catch(undefined);
const smoke = z.object({ headers }).catch({ headers: undefined });
const scheduled = z.object({ heartbeat: reference }).optional().catch(undefined);
const gateway = z
  .object({
    name: text,
    destinations: texts,
    workspaces: texts,
    approvals: z.object({ backup: policy, restore: policy }).catch({ backup: undefined, restore: undefined }),
    admin_api: z.object({ token: reference, headers }).catch({ token: undefined, headers: undefined }),
    database: z
      .object({ password: reference, format: text.optional() })
      .catch({ password: undefined, format: undefined }),
    run: z.object({ kind: text }).catch({ kind: '' }),
    keyring: z.object({ destination: text }).optional().catch(undefined),
    nodes: z.array(node).catch([]),
    restore: z.object({ proof, smoke: z.array(smoke).catch([]) }).catch({ proof: undefined, smoke: [] }),
    schedules: z.object({ backup: scheduled, drill: scheduled }).catch({ backup: undefined, drill: undefined }),
  })
  .catch({
    name: '',
    destinations: [],
    workspaces: [],
    approvals: { backup: undefined, restore: undefined },
    admin_api: { token: undefined, headers: undefined },
    database: { password: undefined, format: undefined },
    run: { kind: '' },
    keyring: undefined,
    nodes: [],
    restore: { proof: undefined, smoke: [] },
    schedules: { backup: undefined, drill: undefined },
  });

/**
 * The names and references of a file, read so leniently that nothing fails: what is missing or malformed is empty.
 * Cross checks run on this, so that one wrong value does not hide an unknown name elsewhere.
 */
export const namesSchema = z
  .object({
    slack: z.object({ mode: text, port: z.number().catch(3000) }).catch({ mode: '', port: 3000 }),
    operations: z.object({ port: z.number().catch(8080) }).catch({ port: 8080 }),
    people: z.array(person).catch([]),
    groups: z.array(group).catch([]),
    destinations: z.array(destination).catch([]),
    gateways: z.array(gateway).catch([]),
    signing: z.object({ private_key: reference }).catch({ private_key: undefined }),
  })
  .catch({
    slack: { mode: '', port: 3000 },
    operations: { port: 8080 },
    people: [],
    groups: [],
    destinations: [],
    gateways: [],
    signing: { private_key: undefined },
  });

export type Names = z.infer<typeof namesSchema>;
export type PolicyNames = NonNullable<z.infer<typeof policy>>;
