import { z } from 'zod';
import { absolutePath, adminApi, name, seconds, secretReference } from './schema/pieces.ts';
import { backupParts, database } from './schema/schema-backup.ts';
import { drills, restoreParts } from './schema/schema-restore.ts';
import { watchParts } from './schema/schema-schedules.ts';
import { destination, encryption } from './schema/schema-storage.ts';
import { runPlace } from './run-place.ts';

const slackUser = z.string().regex(/^[UW][A-Z0-9]{2,}$/, 'a Slack user id, e.g. U01ABCDEF (profile > copy member ID)');
const slackChannel = z
  .string()
  .regex(/^[CG][A-Z0-9]{2,}$/, 'a Slack channel id, e.g. C01ABCDEF (channel details, at the bottom)');

const person = z.strictObject({
  id: slackUser,
  name: z.string().min(1),
  /** The system user that this person is on the CLI (decision 5). */
  system_user: z.string().min(1).optional(),
});

const group = z.strictObject({
  name,
  roles: z.array(z.enum(['viewer', 'operator', 'approver', 'admin'])).default([]),
  members: z.array(slackUser).default([]),
  /** A Slack user group whose members count too; looked up, cached 60 s, failing closed. */
  slack_user_group: z
    .string()
    .regex(/^S[A-Z0-9]{2,}$/, 'a Slack user group id, e.g. S01ABCDEF')
    .optional(),
});

const approval = z.strictObject({
  groups: z.array(z.strictObject({ group: name, minimum: z.int().min(1).max(20).default(1) })).min(1),
  expires_minutes: z.number().min(5).max(1440).default(60),
  /** Whether votes by CLI count (decision 5). */
  cli: z.boolean().default(true),
});

const gateway = z.strictObject({
  name,
  environment: z.enum(['production', 'staging', 'development']),
  admin_api: adminApi,
  database: database.optional(),
  files: z
    .strictObject({
      kong_conf: absolutePath,
      prefix: absolutePath,
      /** Folder in which a restore makes a new one for the files. Left out: the one that holds the prefix. */
      restore_to: absolutePath.optional(),
    })
    .optional(),
  /** `all`, or the workspaces to dump. Kong OSS has only `default`. */
  workspaces: z
    .union(
      [z.literal('all'), z.array(z.string().regex(/^[A-Za-z0-9._~-]+$/, 'letters, digits and . _ ~ -')).min(1)],
      'all, or a list of workspace names',
    )
    .default('all'),
  run: runPlace,
  channel: slackChannel,
  /** Kinds of artifact that may be missing (reported as a gap) instead of refusing the backup (decision 18). */
  allow_gaps: z.array(z.enum(['database', 'declarative', 'files', 'keyring'])).default([]),
  approvals: z
    .strictObject({
      backup: approval.optional(),
      /** Left out: the backup's policy, else one approver of the first group that has any (decision 2). */
      restore: approval.optional(),
    })
    .default({}),
  destinations: z.array(name).min(1),
  ...restoreParts,
  ...backupParts,
  ...watchParts,
});

const limits = z.strictObject({
  sweep_seconds: seconds(0.05, 60).default(15),
  heartbeat_seconds: seconds(0.05, 30).default(5),
  /** Pause before an interrupted step starts again. */
  retry_seconds: seconds(0, 600).default(10),
  step_attempts: z.int().min(1).max(10).default(3),
  step_minutes: seconds(0.01, 1440).default(120),
  shutdown_seconds: seconds(0.1, 300).default(25),
  /** At most one edit of a run's card in this time (behaviour 10.3). */
  edit_seconds: seconds(0.05, 60).default(3),
  dump_jobs: z.int().min(1).max(16).default(2),
});

/** kong-chatops.yaml. Secrets stand in it by reference only. */
export const configSchema = z.strictObject({
  slack: z.strictObject({
    /** Workspace id: people of any other team are refused. */
    team: z.string().regex(/^[TE][A-Z0-9]{2,}$/, 'a Slack team id, e.g. T01ABCDEF'),
    mode: z.enum(['socket', 'http']).default('socket'),
    /** Port of the events endpoint in HTTP mode. */
    port: z.int().min(0).max(65535).default(3000),
  }),
  people: z.array(person).min(1),
  groups: z.array(group).min(1),
  destinations: z.array(destination).min(1),
  encryption: encryption.optional(),
  gateways: z.array(gateway).min(1),
  signing: z.strictObject({
    /** Ed25519 private key in PEM (PKCS#8): signs heads of the audit trail and manifests. Keep it off the database. */
    private_key: secretReference,
  }),
  operations: z
    .strictObject({ host: z.string().default('127.0.0.1'), port: z.int().min(0).max(65535).default(8080) })
    .prefault({}),
  drills: drills.prefault({}),
  limits: limits.prefault({}),
});

const postgresAddress = z.url({
  protocol: /^postgres(ql)?$/,
  error: 'a PostgreSQL address: postgres://user:password@host:5432/database',
});

/** What the process takes from the environment alone. Each secret may also stand in a file named by `<NAME>_FILE`. */
export const environmentSchema = z.object({
  KONG_CHATOPS_CONFIG: absolutePath.optional(),
  DATABASE_URL: postgresAddress,
  DATABASE_OWNER_URL: postgresAddress.optional(),
  REDIS_URL: z
    .url({ protocol: /^rediss?$/, error: 'a Redis address: redis://user:password@host:6379 (rediss:// with TLS)' })
    .optional(),
  SLACK_BOT_TOKEN: z.string().startsWith('xoxb-', 'the bot token (OAuth & Permissions), starts with xoxb-').optional(),
  SLACK_APP_TOKEN: z
    .string()
    .startsWith('xapp-', 'the app-level token (Basic Information), starts with xapp-')
    .optional(),
  SLACK_SIGNING_SECRET: z.string().min(1).optional(),
  /** Another Slack than slack.com: the local one of the demo. */
  SLACK_API_URL: z.url({ protocol: /^https?$/, error: 'an http or https address' }).optional(),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
});

export type ConfigFile = z.infer<typeof configSchema>;
export type GatewayConfig = ConfigFile['gateways'][number];
export type RunPlace = GatewayConfig['run'];
export type DestinationConfig = ConfigFile['destinations'][number];
export type S3Config = Extract<DestinationConfig, { kind: 's3' }>;
export type EncryptionConfig = NonNullable<ConfigFile['encryption']>;
export type ApprovalConfig = z.infer<typeof approval>;
export type SecretReference = z.infer<typeof secretReference>;
export type Environment = z.infer<typeof environmentSchema>;

/** The one configuration of a process, frozen. `digest` is SHA-256 of the file's bytes. */
export interface Config extends ConfigFile {
  readonly digest: string;
  readonly environment: Environment;
  /** Reads a secret by its reference at the moment of use, so that a rotated one is seen. Throws a Fault without it. */
  readonly secret: (reference: SecretReference) => string;
}
