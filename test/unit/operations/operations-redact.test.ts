import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isSecretName, redact, redactValue } from '../../../src/runs/words/redact.ts';

const secret = fc.stringMatching(/^[A-Za-z0-9]{12,40}$/);

/** Places in which a secret has been seen to travel. */
const PLACES: readonly ((text: string) => string)[] = [
  (text) => `connecting to postgres://bot:${text}@db.internal:5432/bot failed`,
  (text) => `redis://:${text}@cache:6379`,
  (text) => `postgresql://bot:a@b${text}@db/bot?sslmode=require`,
  (text) => `Slack refused xoxb-123-${text}`,
  (text) => `token=xapp-1-A01-${text}`,
  (text) => `Kong-Admin-Token: ${text}`,
  (text) => `kong-admin-token:${text}`,
  (text) => `DECK_HEADERS=Kong-Admin-Token:${text}`,
  (text) => `{"password":"${text}","port":5432}`,
  (text) => `{"headers":{"Kong-Admin-Token":"${text}"}}`,
  (text) => JSON.stringify({ inner: JSON.stringify({ password: text }) }).replaceAll('\\"', '"'),
  (text) => `host=db password='${text} with a space' dbname=kong`,
  (text) => `PGPASSWORD=${text} pg_dump`,
  (text) => `pg_password = ${text}`,
  (text) => `Authorization: Bearer ${text}`,
  (text) => `authorization=Basic ${text}`,
  (text) => `https://kong:8444/?api_key=${text}&page=2`,
  (text) => `-----BEGIN PRIVATE KEY-----\n${text}\n-----END PRIVATE KEY-----`,
  (text) => `-----BEGIN PRIVATE KEY-----\n${text}\n(cut off)`,
  (text) => `SLACK_SIGNING_SECRET=${text}`,
];

describe('redact', () => {
  it('lets no secret through, wherever it travels', () => {
    fc.assert(
      fc.property(secret, fc.constantFrom(...PLACES), fc.lorem(), (text, place, around) => {
        expect(redact(`${around} ${place(text)} ${around}`)).not.toContain(text);
      }),
      { numRuns: 500 },
    );
  });

  it('changes nothing more when applied twice', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.lorem(),
            secret,
            fc.string(),
            fc.constantFrom(...PLACES).map((place) => place('abcdefgh12345')),
          ),
        ),
        (parts) => {
          const once = redact(parts.join(' '));
          expect(redact(once)).toBe(once);
        },
      ),
    );
  });

  it.each([
    'Kong refused the token: HTTP 401',
    'pg_dump: error: permission denied for table keyauth_credentials',
    'B-142 verified: 120 MB at /var/lib/kong-chatops/sets',
    'the password of the role was refused (28P01)',
    'http://127.0.0.1:8001/services?size=1000',
    'postgres://bot@db:5432/bot',
    'sent to ops@example.org at 10:30',
  ])('leaves "%s" as it is', (text) => {
    expect(redact(text)).toBe(text);
  });

  it('keeps what helps: user, host and database of an address', () => {
    expect(redact('postgres://bot:pw@db:5432/bot')).toBe('postgres://bot:***@db:5432/bot');
  });
});

describe('redactValue', () => {
  it('hides whatever stands under a secret name, and known secrets anywhere', () => {
    expect(
      redactValue(
        { password: 'x', env: { slackBotToken: 'y', PGPASSWORD: 'z' }, list: ['see s3cr3t-value here'], port: 1 },
        ['s3cr3t-value'],
      ),
    ).toEqual({ password: '***', env: { slackBotToken: '***', PGPASSWORD: '***' }, list: ['see *** here'], port: 1 });
  });

  it('knows secrets by their names', () => {
    const names = [
      'password',
      'Kong-Admin-Token',
      'SLACK_BOT_TOKEN',
      'apiKey',
      'private_key',
      'pg_password',
      'PGPASSWORD',
    ];
    expect(names.filter((name) => !isSecretName(name))).toEqual([]);
    expect(['tokens', 'passwords_checked', 'key', 'keyring', 'token_scopes'].filter(isSecretName)).toEqual([]);
  });
});
