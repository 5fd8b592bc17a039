import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { takeFiles } from '../../../src/kong/files/files.ts';
import { localRunner } from '../../../src/run-command/local.ts';
import { faultOf } from '../../support/fault-of.ts';
import { fixturePath, need } from '../../support/need.ts';

const run = localRunner();
const KEY = '-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\n';

describe('the files of a gateway', () => {
  let folder = '';
  const at = (path: string): string => join(folder, path);
  const files = () => ({ kongConf: at('kong.conf'), prefix: at('prefix') });

  function write(path: string, content: string, mode = 0o644): void {
    mkdirSync(dirname(at(path)), { recursive: true });
    writeFileSync(at(path), content);
    chmodSync(at(path), mode);
  }

  /** Content where a check looks at it; a mark of its own elsewhere. */
  function contentOf(path: string): string {
    if (path === '.kong_env') return 'pg_password = kongsecret\npg_user = kong\n';
    return path.endsWith('.key') ? KEY : `content of ${path}\n`;
  }

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'kong-files-'));
    write('kong.conf', 'database = postgres\npg_user = kong\n');
    mkdirSync(at('prefix'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const taken = async () => {
    const answer = await takeFiles(run, files());
    return { ...answer, paths: answer.files.map(({ path }) => path.slice(folder.length + 1)) };
  };

  describe.skipIf(!need('fixtures')).each(['2.8.5', '3.9.1'])('of a running Kong %s', (version) => {
    test('are its configuration without logs, pids, sockets and temporary folders, and its secrets are a gap', async () => {
      const listing = readFileSync(fixturePath(`kong-${version}`, 'prefix-listing.txt'), 'utf8');
      for (const line of listing.split('\n')) {
        const [, mode, kind, path] = /^(\d{3}) ([df]) \d+ \.\/(\S+) $/.exec(line) ?? [];
        if (mode === undefined || path === undefined) continue;
        if (kind === 'd') mkdirSync(at(`prefix/${path}`), { recursive: true });
        else write(`prefix/${path}`, contentOf(path), Number.parseInt(mode, 8));
      }
      const { paths, gaps } = await taken();
      const expected = [...listing.matchAll(/^\d{3} f \d+ \.\/(\S+) $/gm)]
        .map((match) => match[1] ?? '')
        .filter((path) => !/^logs\/|^pids\/|\.key$|\.kong_env|\.request_debug_token/.test(path));
      expect(paths).toEqual(['kong.conf', ...expected.map((path) => `prefix/${path}`).toSorted()]);
      expect(gaps).toEqual([
        {
          kind: 'prefix-secrets',
          count: 5,
          what: '5 files with passwords or private keys are not in the set: .kong_env, ssl/admin-kong-default-ecdsa.key, ssl/admin-kong-default.key, ssl/kong-default-ecdsa.key, ssl/kong-default.key',
          why: 'sets are not encrypted, so secrets are left out; keep these where you keep secrets',
        },
      ]);
    });
  });

  test('keep content, rights and time', async () => {
    write('prefix/nginx.conf', 'worker_processes 1;\n', 0o640);
    const { files: saved } = await taken();
    expect(saved[1]).toMatchObject({
      name: at('prefix/nginx.conf').slice(1),
      mode: 0o640,
      because: 'prefix',
      masked: [],
    });
    expect(saved[1]?.content.toString()).toBe('worker_processes 1;\n');
  });

  test('include kong.conf with its secrets masked, and say which', async () => {
    write('kong.conf', 'pg_user = kong\npg_password = kongsecret # old\n#smtp_password = older\n');
    const { files: saved, gaps } = await taken();
    expect(saved[0]?.content.toString()).toBe('pg_user = kong\npg_password = ***\n#smtp_password = ***\n');
    expect(saved[0]).toMatchObject({ because: 'kong.conf', masked: ['pg_password', 'smtp_password'] });
    expect(gaps).toEqual([
      {
        kind: 'kong-conf-secrets',
        count: 2,
        what: '2 values of kong.conf are masked: pg_password, smtp_password',
        why: 'sets are not encrypted, so secrets are left out; name them by a vault reference to have the file whole',
      },
    ]);
  });

  test('include what kong.conf names, wherever it lies, but no private key', async () => {
    write('etc/cluster.crt', 'certificate');
    write('etc/cluster.pem', KEY);
    write('etc/kong.yml', `certificates:\n- key: |\n    ${KEY}`);
    write('prefix/conf.d/one.conf', 'one');
    write('prefix/conf.d/two.txt', 'two');
    const names = `cluster_cert = ${at('etc/cluster.crt')}\ncluster_cert_key = ${at('etc/cluster.pem')}\n`;
    write(
      'kong.conf',
      `${names}declarative_config = ${at('etc/kong.yml')}\nnginx_http_include = conf.d/*.conf\nssl_cert = ${at('etc/none.crt')}\nlua_package_path = /opt/plugins/?.lua;;\n`,
    );
    const { paths, files: saved, gaps } = await taken();
    expect(paths).toEqual([
      'kong.conf',
      'etc/cluster.crt',
      'etc/kong.yml',
      'prefix/conf.d/one.conf',
      'prefix/conf.d/two.txt',
    ]);
    expect(saved.map(({ because }) => because)).toEqual([
      'kong.conf',
      'cluster_cert',
      'declarative_config',
      'prefix',
      'prefix',
    ]);
    expect(gaps.map(({ kind, what }) => `${kind}: ${what}`)).toEqual([
      `prefix-secrets: 1 file with passwords or private keys is not in the set: ${at('etc/cluster.pem')}`,
      `unreadable-files: 1 file could not be read: ${at('etc/none.crt')} (ssl_cert: not there)`,
      'custom-plugins: The Lua code of 1 folder is not in the set: /opt/plugins (not there)',
    ]);
  });

  test('that hold a password of the configuration are left out, whatever they are called', async () => {
    write('prefix/.kong_env', 'pg_password = kongsecret\n');
    write('prefix/nginx-kong.conf', 'set $password "kongsecret";\n');
    write('prefix/notes.txt', KEY);
    write('prefix/dbless.lmdb/data.mdb', 'everything');
    const { paths, gaps } = await taken();
    expect(paths).toEqual(['kong.conf']);
    expect(gaps[0]).toMatchObject({ kind: 'prefix-secrets', count: 4 });
  });

  test('are followed through links; links to folders, to nothing or in a circle are a gap', async () => {
    write('elsewhere/template.conf', 'template');
    symlinkSync(at('elsewhere/template.conf'), at('prefix/template.conf'));
    symlinkSync(at('elsewhere'), at('prefix/folder'));
    symlinkSync(at('nowhere'), at('prefix/dangling'));
    symlinkSync(at('prefix/circle'), at('prefix/circle'));
    const { paths, gaps } = await taken();
    expect(paths).toEqual(['kong.conf', 'prefix/template.conf']);
    const links = [
      `${at('prefix/circle')} (not readable)`,
      `${at('prefix/dangling')} (a link to nothing)`,
      `${at('prefix/folder')} (a link to a folder)`,
    ];
    expect(gaps).toMatchObject([{ kind: 'unreadable-files', what: `3 files could not be read: ${links.join(', ')}` }]);
  });

  test('that are pipes, devices or of the kernel are a gap, and nobody waits for them', async () => {
    execFileSync('mkfifo', [at('pipe'), at('prefix/.kong_env')]);
    const named = [at('pipe'), '/dev/zero', '/proc/self/environ'];
    write('kong.conf', `ssl_cert = ${named.join(',')}\n`);
    const { paths, gaps } = await taken();
    expect(paths).toEqual(['kong.conf']);
    const left = [`${at('pipe')} (ssl_cert: a pipe or a device)`, '/dev/zero (ssl_cert: a pipe or a device)'];
    expect(gaps).toContainEqual(
      expect.objectContaining({ kind: 'unreadable-files', what: `2 files could not be read: ${left.join(', ')}` }),
    );
  });

  test('cannot be saved where kong.conf is a pipe, which is said at once', async () => {
    execFileSync('mkfifo', [at('pipe.conf')]);
    expect(await faultOf(takeFiles(run, { ...files(), kongConf: at('pipe.conf') }))).toEqual({
      code: 'file.not-a-file',
      message: `${at('pipe.conf')} is a folder, a pipe or a device, and no file that can be read to its end.`,
      hint: 'Correct the path in the configuration, or put a plain file there.',
      retryable: false,
    });
  });

  test('that match a pattern are found, however many stars it has', async () => {
    for (const name of ['servers/a.conf', 'servers/b.conf', 'servers/b.conf.old', `servers/${'a'.repeat(200)}`]) {
      write(name, 'server {}');
    }
    const patterns = [at('servers/*.conf'), at(`servers/${'*a'.repeat(30)}*b`)];
    write('kong.conf', `nginx_http_include = ${patterns.join(',')}\n`);
    const { paths } = await taken();
    expect(paths).toEqual(['kong.conf', 'servers/a.conf', 'servers/b.conf']);
  });

  test('that are too large are a gap, not a failure', async () => {
    write('prefix/huge.conf', 'x'.repeat(16 * 1024 * 1024 + 1));
    const { paths, gaps } = await taken();
    expect(paths).toEqual(['kong.conf']);
    expect(gaps[0]).toMatchObject({ what: `1 file could not be read: ${at('prefix/huge.conf')} (too large)` });
  });

  test('are counted while they are read, and an abort stops the reading', async () => {
    for (const name of ['a', 'b', 'c']) write(`prefix/${name}`, name);
    const steps: string[] = [];
    await takeFiles(run, files(), { onFile: (done, total) => steps.push(`${done}/${total}`) });
    expect(steps).toEqual(['1/3', '2/3', '3/3']);
    const signal = AbortSignal.abort(new Error('the run was cancelled'));
    await expect(takeFiles(run, files(), { signal })).rejects.toThrow('the run was cancelled');
  });

  test('cannot be saved without kong.conf or prefix, and the Fault names what is missing', async () => {
    expect(await faultOf(takeFiles(run, { ...files(), kongConf: at('none.conf') }))).toEqual({
      code: 'file.missing',
      message: `There is no ${at('none.conf')} on this machine.`,
      hint: 'Correct the path in the configuration, or mount the folder where the bot runs.',
      retryable: false,
    });
    expect(await faultOf(takeFiles(run, { ...files(), prefix: at('none') }))).toMatchObject({
      code: 'file.missing',
      message: `There is no ${at('none')} on this machine.`,
    });
  });
});
