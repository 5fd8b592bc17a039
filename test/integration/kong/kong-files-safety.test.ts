import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { takeFiles } from '../../../src/kong/files/files.ts';
import { localRunner } from '../../../src/run-command/local.ts';

const run = localRunner();

describe('files that lead out of what belongs to Kong', () => {
  let outside = '';
  let folder = '';
  const at = (path: string): string => join(folder, path);
  const files = () => ({ kongConf: at('kong.conf'), prefix: at('prefix') });
  const write = (path: string, content: string): void => writeFileSync(at(path), content);
  beforeEach(() => {
    outside = mkdtempSync(join(tmpdir(), 'kong-elsewhere-'));
    folder = mkdtempSync(join(tmpdir(), 'kong-files-'));
    write('kong.conf', 'database = postgres\n');
    mkdirSync(at('prefix'));
    writeFileSync(join(outside, 'shadow'), 'root:$6$somehash:19000:0:99999:7:::\n');
    writeFileSync(join(outside, 'cert.pem'), '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n');
    writeFileSync(join(outside, 'kong.yml'), '_format_version: "3.0"\n');
    writeFileSync(join(outside, 'extra.conf'), 'server {}\n');
  });
  afterEach(() => [outside, folder].forEach((one) => rmSync(one, { recursive: true, force: true })));
  const all = async () => {
    const answer = await takeFiles(run, files(), { keepSecrets: true });
    return { ...answer, paths: answer.files.map(({ path }) => path) };
  };

  test('by a link in the prefix are a gap that says where it leads, and none of their content is read into the set', async () => {
    symlinkSync('/etc/shadow', at('prefix/stolen'));
    symlinkSync(join(outside, 'cert.pem'), at('prefix/cert.pem'));
    const { paths, gaps, files: saved } = await all();
    expect(paths).toEqual([at('kong.conf')]);
    expect(Buffer.concat(saved.map(({ content }) => content)).toString()).not.toMatch(/root:/);
    expect(gaps).toEqual([
      {
        kind: 'files-outside',
        count: 2,
        what: `2 files are not in the set: ${at('prefix/cert.pem')} (a link to ${outside}/cert.pem), ${at('prefix/stolen')} (a link to /etc/shadow)`,
        why: 'only files below the prefix and below the folder of kong.conf are taken, and certificates, keys, includes and the declarative file that kong.conf names itself and not by a link',
      },
    ]);
  });

  test('are taken where kong.conf names them by a key for such files, and hold what it says', async () => {
    write(
      'kong.conf',
      `ssl_cert = ${outside}/cert.pem\ndeclarative_config = ${outside}/kong.yml\nnginx_http_include = ${outside}/*.conf\n`,
    );
    const { paths, gaps } = await all();
    expect(paths).toEqual([
      at('kong.conf'),
      ...['cert.pem', 'extra.conf', 'kong.yml'].map((name) => join(outside, name)),
    ]);
    expect(gaps).toEqual([]);
  });

  test.each([
    ['is no certificate', () => `ssl_cert = ${outside}/shadow`, () => `${outside}/shadow (not what ssl_cert says)`],
    [
      'is no include',
      () => `nginx_http_include = ${outside}/shadow`,
      () => `${outside}/shadow (nginx_http_include: not called *.conf)`,
    ],
    [
      'is named by any other key',
      () => `admin_gui_path = ${outside}/shadow`,
      () => `${outside}/shadow (admin_gui_path is no key that names a file of Kong)`,
    ],
    [
      'is only the name of a link',
      () => `ssl_cert = ${at('prefix')}/link.pem`,
      () => `${at('prefix')}/link.pem (a link to ${outside}/cert.pem)`,
    ],
    [
      'lies behind a folder of the prefix that is a link',
      () => `ssl_cert = ${at('prefix')}/away/cert.pem`,
      () => `${at('prefix')}/away/cert.pem (a link to ${outside}/cert.pem)`,
    ],
  ])('are not taken where what kong.conf names %s', async (_, conf, left) => {
    symlinkSync(join(outside, 'cert.pem'), at('prefix/link.pem'));
    symlinkSync(outside, at('prefix/away'));
    write('kong.conf', `${conf()}\n`);
    const { paths, gaps } = await all();
    expect(paths).toEqual([at('kong.conf')]);
    expect(gaps.find(({ kind }) => kind === 'files-outside')?.what).toContain(left());
  });

  test('are plugins of its own, whose Lua code is taken from the folders that lua_package_path names', async () => {
    mkdirSync(join(outside, 'kong/plugins/mine'), { recursive: true });
    writeFileSync(join(outside, 'kong/plugins/mine/handler.lua'), 'return {}\n');
    write('kong.conf', `lua_package_path = ${outside}/?.lua;${outside}/?/init.lua;/?.lua;/usr/share/lua/5.1/?.lua;;\n`);
    const { paths, gaps } = await all();
    expect(paths).toEqual([at('kong.conf'), join(outside, 'kong/plugins/mine/handler.lua')]);
    expect(gaps).toEqual([]);
  });
});
