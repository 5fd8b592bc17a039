import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:https';
import type { Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { adminApi } from '../../../src/kong/admin/admin.ts';
import type { AdminApiOptions } from '../../../src/kong/admin/admin-request.ts';
import { deckFor } from '../../../src/kong/deck/deck.ts';
import { findDeck } from '../../../src/kong/dump/tools.ts';
import { localRunner } from '../../../src/run-command/local.ts';
import { faultOf } from '../../support/fault-of.ts';
import { fixturePath, need } from '../../support/need.ts';

const run = localRunner();

describe.skipIf(!need('deck') || !need('fixtures'))(
  'an Admin API that asks for a client certificate and a header',
  () => {
    let folder = '';
    let server: Server;
    let options: AdminApiOptions;
    const at = (name: string): string => join(folder, name);
    const openssl = (...args: string[]): Buffer =>
      execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'ignore'] });

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'kong-guarded-'));
      const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
      openssl('req', '-x509', ...ec, '-subj', '/CN=ca', '-keyout', at('ca.key'), '-out', at('ca.pem'));
      for (const [name, extra] of [
        ['server', ['-addext', 'subjectAltName=IP:127.0.0.1']],
        ['client', []],
      ] as const) {
        openssl(
          'req',
          ...ec,
          '-subj',
          `/CN=${name}`,
          ...extra,
          '-keyout',
          at(`${name}.key`),
          '-out',
          at(`${name}.csr`),
        );
        openssl(
          'x509',
          '-req',
          '-in',
          at(`${name}.csr`),
          '-CA',
          at('ca.pem'),
          '-CAkey',
          at('ca.key'),
          '-CAcreateserial',
          '-days',
          '2',
          '-copy_extensions',
          'copyall',
          '-out',
          at(`${name}.pem`),
        );
      }
      const root = readFileSync(fixturePath('kong-3.9.1', 'admin', 'root.json'), 'utf8');
      const { body } = JSON.parse(root) as { body: unknown };
      server = createServer(
        {
          cert: readFileSync(at('server.pem')),
          key: readFileSync(at('server.key')),
          ca: readFileSync(at('ca.pem')),
          requestCert: true,
          rejectUnauthorized: false,
        },
        (request, response) => {
          const known = (request.socket as TLSSocket).authorized && request.headers['x-pass'] === 'open sesame';
          response.statusCode = known ? 200 : 401;
          response.setHeader('Content-Type', 'application/json');
          response.end(JSON.stringify(request.url === '/' ? body : { data: [], next: null }));
        },
      );
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      options = {
        gateway: 'production',
        url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
        caFile: at('ca.pem'),
        headers: { 'x-pass': 'open sesame' },
        clientCertificate: { certFile: at('client.pem'), keyFile: at('client.key') },
        timeoutMs: 5000,
      };
    });
    afterAll(() => {
      server.closeAllConnections();
      server.close();
      rmSync(folder, { recursive: true, force: true });
    });

    it('answers the bot', async () => {
      const admin = adminApi(options);
      expect(await admin.root()).toMatchObject({ version: '3.9.1' });
      await admin.close();
    });

    it.each([
      ['header', { headers: {} }],
      ['certificate', { clientCertificate: undefined }],
    ])('refuses without the %s, and the bot says so', async (_, change) => {
      const admin = adminApi({ ...options, ...change });
      expect(await faultOf(admin.root())).toMatchObject({ code: 'kong.unauthorised' });
      await admin.close();
    });

    it('names the file and its key when the certificate cannot be read', async () => {
      const admin = adminApi({
        ...options,
        clientCertificate: { certFile: at('none.pem'), keyFile: at('client.key') },
      });
      expect(await faultOf(admin.root())).toEqual({
        code: 'kong.ca-file',
        message: `The file ${at('none.pem')}, which admin_api.client_certificate.cert_file of production names, cannot be read.`,
        hint: 'Correct the path, or let the user that the bot runs as read it.',
        retryable: false,
      });
    });

    it('answers decK, which is told nothing of it in its arguments', async () => {
      const seen: string[] = [];
      const watching = {
        ...run,
        run: (command: Parameters<typeof run.run>[0]) => {
          seen.push(...command.args);
          return run.run(command);
        },
      };
      const deck = deckFor({
        ...options,
        run: watching,
        deck: await findDeck(run),
        edition: 'community',
        workDir: folder,
        requestTimeoutMs: 5000,
        timeoutMs: 20_000,
      });
      const outFile = at('dump.yaml');
      await deck.dump({ workspace: null, outFile, withId: true });
      expect(readFileSync(outFile, 'utf8')).toContain('_format_version: "3.0"');
      expect(seen.join(' ')).not.toMatch(/sesame|client/);
    });
  },
);
