import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isSecretValue, maskKongConf, namedPaths, parseKongConf, secretsOf } from '../../src/kong/files/kong-conf.ts';
import { luaFolders } from '../../src/kong/files/lua-code.ts';

const secretKey = fc.constantFrom(
  'pg_password',
  'pg_ro_password',
  'cassandra_password',
  'keyring_vault_token',
  'smtp_password',
  'admin_gui_session_conf',
  'vault_azure_client_secret',
);
const plainKey = fc.constantFrom('pg_host', 'pg_user', 'database', 'admin_listen', 'log_level', 'keyring_vault_mount');
const secret = fc.stringMatching(/^[a-zA-Z0-9!$%&*()+;:=<>?@^_-]{1,30}$/);
const plain = fc.stringMatching(/^[a-z0-9.]{1,20}$/);
const padding = fc.constantFrom('', ' ', '  ', '\t');

const secretLine = fc.record({
  key: secretKey,
  value: secret,
  before: fc.constantFrom('', ' ', '#', '# '),
  gap: padding,
});
const plainLine = fc.record({ key: plainKey, value: plain, before: fc.constantFrom('', ' ', '#', '# '), gap: padding });
type Line = { key: string; value: string; before: string; gap: string };
const write = ({ key, value, before, gap }: Line): string => `${before}${key}${gap}=${gap}${value}`;

describe('kong.conf', () => {
  test('is read as Kong reads it', () => {
    const conf = parseKongConf(
      [
        '# a comment',
        '#pg_host = commented',
        'pg_host = 10.0.0.1   # the main one',
        '  pg_user=kong',
        String.raw`pg_password = with\#hash # and a comment`,
        'plugins = bundled,custom',
        'pg_host = 10.0.0.2',
        'empty =    # nothing',
        'no equals sign',
        'windows = yes\r',
      ].join('\n'),
    );
    expect(Object.fromEntries(conf)).toEqual({
      pg_host: '10.0.0.2',
      pg_user: 'kong',
      pg_password: 'with#hash',
      plugins: 'bundled,custom',
      empty: '',
      windows: 'yes',
    });
  });

  test('keeps every plain line byte by byte and no secret, in use or commented out', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            secretLine.map((line) => ({ ...line, secret: true })),
            plainLine.map((line) => ({ ...line, secret: false })),
          ),
        ),
        fc.constantFrom('\n', '\r\n'),
        (lines, end) => {
          const { text, masked } = maskKongConf(lines.map((line) => write(line) + end).join(''));
          const out = text.split(end);
          for (const [index, line] of lines.entries()) {
            if (line.secret) expect(out[index]).toBe(`${line.before}${line.key}${line.gap}=${line.gap}***`);
            else expect(out[index]).toBe(write(line));
          }
          expect([...masked].toSorted()).toEqual(
            [...new Set(lines.filter((l) => l.secret).map((l) => l.key))].toSorted(),
          );
          expect(maskKongConf(text)).toEqual({ text, masked: [] });
        },
      ),
    );
  });

  test.each([
    ['pg_password', '{vault://env/pg-password}', false],
    ['pg_password', '', false],
    ['pg_password', '/begins/with/a/slash', true],
    ['ssl_cert_key', '/etc/kong/tls.key, /etc/kong/ec.key', false],
    ['ssl_cert_key', 'LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0tCg==', true],
    ['ssl_cert', 'LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0tCg==', true],
    ['proxy_url', 'http://user:password@proxy.example', true],
    ['admin_gui_auth_conf', '/etc/kong/auth.json', false],
    ['pg_user', 'kong', false],
    ['declarative_config_string', '{"_format_version":"3.0"}', true],
  ])('%s = %s is a secret in clear: %s', (key, value, expected) => {
    expect(isSecretValue(key, value)).toBe(expected);
  });

  test('tells its secrets, so that they are known again elsewhere, but not the short ones', () => {
    expect(secretsOf(parseKongConf('pg_password = long enough\ncassandra_password = short\npg_user = kong'))).toEqual([
      'long enough',
    ]);
  });

  test('names files by absolute paths and nginx includes by paths from the prefix', () => {
    const conf = parseKongConf(
      [
        'prefix = /usr/local/kong',
        'ssl_cert = /etc/kong/a.crt, /etc/kong/b.crt',
        'cluster_cert_key = /etc/kong/cluster.key',
        'lua_ssl_trusted_certificate = system,/etc/kong/ca.pem',
        'nginx_http_include = conf.d/*.conf',
        'declarative_config = /etc/kong/kong.yml',
        'lua_package_path = /opt/plugins/?.lua;;',
        'proxy_access_log = /dev/stdout',
        'dns_hostsfile = /etc/hosts',
        'admin_listen = unix:/run/kong.sock',
      ].join('\n'),
    );
    expect(namedPaths(conf, '/usr/local/kong')).toEqual([
      { key: 'ssl_cert', path: '/etc/kong/a.crt' },
      { key: 'ssl_cert', path: '/etc/kong/b.crt' },
      { key: 'cluster_cert_key', path: '/etc/kong/cluster.key' },
      { key: 'lua_ssl_trusted_certificate', path: '/etc/kong/ca.pem' },
      { key: 'nginx_http_include', path: '/usr/local/kong/conf.d/*.conf' },
      { key: 'declarative_config', path: '/etc/kong/kong.yml' },
    ]);
    expect(luaFolders(conf)).not.toEqual([]);
    expect(luaFolders(parseKongConf('lua_package_path = ./?.lua;./?/init.lua;;'))).toEqual([]);
  });
});
