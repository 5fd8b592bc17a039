import type { Config } from './schema.ts';

/**
 * The literal secrets of this process, for the log to hide wherever they turn up: tokens, passwords inside addresses,
 * and what the file refers to. What cannot be read now is left out: it is reported elsewhere.
 */
export function secretValues(config: Config): string[] {
  const { environment } = config;
  const references = [
    config.signing.private_key,
    config.encryption?.identity,
    ...config.destinations.map((place) => (place.kind === 's3' ? place.credentials?.secret_access_key : undefined)),
    config.drills.database_url,
    ...config.gateways.flatMap(({ schedules: { backup, drill } }) => [
      backup?.heartbeat,
      drill === 'none' ? undefined : drill?.heartbeat,
    ]),
    ...config.gateways.flatMap(({ admin_api, database, nodes, restore }) => [
      admin_api.token,
      database?.password,
      restore.proof?.credential.value,
      restore.keyring_recovery_key,
      ...nodes.map((node) => node.admin_api?.token),
      ...[admin_api, ...nodes.map((node) => node.admin_api), ...restore.smoke].flatMap((sends) =>
        Object.values(sends?.headers ?? {}).map((value) => (typeof value === 'string' ? undefined : value)),
      ),
    ]),
  ];
  const referred = references.flatMap((reference) => {
    try {
      return reference === undefined ? [] : [config.secret(reference)];
    } catch {
      return [];
    }
  });
  const addresses = [environment.DATABASE_URL, environment.DATABASE_OWNER_URL, environment.REDIS_URL];
  return [
    ...referred,
    ...addresses.flatMap((address) => (address === undefined ? [] : passwordsOf(address))),
    environment.SLACK_BOT_TOKEN,
    environment.SLACK_APP_TOKEN,
    environment.SLACK_SIGNING_SECRET,
  ].filter((secret): secret is string => secret !== undefined && secret !== '');
}

/** As written, and as it is after decoding. */
function passwordsOf(address: string): string[] {
  const { password } = new URL(address);
  try {
    return [password, decodeURIComponent(password)];
  } catch {
    return [password];
  }
}
