import { afterEach, describe, expect, it } from 'vitest';
import { Fault } from '../../../src/runs/fault.ts';
import { createLog } from '../../../src/operations/log.ts';
import { createMetrics } from '../../../src/operations/metrics.ts';
import { askReadiness, protectionReport, type PartReport, type Probe } from '../../../src/operations/readiness.ts';
import { operationsServer, type OperationsServer } from '../../../src/operations/server.ts';

const log = createLog({ level: 'silent' });
const running: OperationsServer[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map(async (server) => await server.stop()));
});

function server(probes: readonly Probe[], port = 0): OperationsServer {
  const made = operationsServer({
    host: '127.0.0.1',
    port,
    probes,
    metrics: createMetrics({ version: '0.1.0', sources: {} }),
    log,
  });
  running.push(made);
  return made;
}

async function get(probes: readonly Probe[], path: string, method = 'GET') {
  const { port } = await server(probes).start();
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { method });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

const probe = (name: string, report: PartReport | Error): Probe => ({
  name,
  check: async () => {
    if (report instanceof Error) throw report;
    return report;
  },
});
const fine = probe('database', { state: 'ok', detail: 'PostgreSQL 15.18' });

describe('the operations endpoint', () => {
  it('says alive while everything else is down', async () => {
    const answer = await get([probe('database', new Error('gone'))], '/healthz');
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.text)).toMatchObject({ alive: true, pid: process.pid });
  });

  it('says ready with the state of each part', async () => {
    const answer = await get([fine, probe('log', protectionReport(true))], '/readyz');
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.text)).toEqual({
      ready: true,
      parts: {
        database: { state: 'ok', detail: 'PostgreSQL 15.18' },
        log: {
          state: 'warn',
          detail: 'triggers alone protect the log: the bot runs as the owner of its tables',
          hint: 'Give `kong-chatops migrate` the owner as DATABASE_OWNER_URL and the bot a role of its own as DATABASE_URL.',
        },
      },
    });
  });

  it('says 503 and why when one part fails', async () => {
    const slack = new Fault('slack.not-connected', 'Slack has not answered for 40 s.', 'Nothing is lost.');
    const answer = await get([fine, probe('slack', slack)], '/readyz');
    expect(answer.status).toBe(503);
    expect(JSON.parse(answer.text)).toEqual({
      ready: false,
      parts: {
        database: { state: 'ok', detail: 'PostgreSQL 15.18' },
        slack: { state: 'fail', detail: 'Slack has not answered for 40 s.', hint: 'Nothing is lost.' },
      },
    });
  });

  it('serves metrics', async () => {
    const answer = await get([], '/metrics');
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toContain('text/plain');
    expect(answer.text).toContain('kong_chatops_info{version="0.1.0"} 1');
  });

  it('answers HEAD without a body, and refuses writing and unknown paths', async () => {
    expect(await get([fine], '/readyz', 'HEAD')).toMatchObject({ status: 200, text: '' });
    expect((await get([], '/metrics', 'POST')).status).toBe(405);
    const unknown = await get([], '/constructor');
    expect(unknown.status).toBe(404);
    expect(JSON.parse(unknown.text)).toEqual({ error: 'not found', paths: ['/healthz', '/readyz', '/metrics'] });
  });

  it('refuses a taken port with what to do', async () => {
    const { port } = await server([]).start();
    await expect(server([], port).start()).rejects.toMatchObject({
      code: 'port-in-use',
      message: `Port ${port} on 127.0.0.1 is taken by another program.`,
      hint: 'Choose another operations.port, or stop the other program.',
    });
  });

  it('stops at once although a client keeps its connection, and twice', async () => {
    const one = server([]);
    const { port } = await one.start();
    await (await fetch(`http://127.0.0.1:${port}/healthz`)).text();
    await one.stop();
    await one.stop();
    await expect(fetch(`http://127.0.0.1:${port}/healthz`)).rejects.toThrow('fetch failed');
  });
});

describe('readiness', () => {
  it('does not wait for a part that stays silent', async () => {
    let aborted = false;
    const silent: Probe = {
      name: 'queue',
      check: async (signal) => {
        signal.addEventListener('abort', () => {
          aborted = true;
        });
        return await new Promise<never>(() => undefined);
      },
    };
    expect(await askReadiness([silent], 20)).toEqual({
      ready: false,
      parts: { queue: { state: 'fail', detail: 'no answer within 0.02 s' } },
    });
    expect(aborted).toBe(true);
  });

  it('tells of an unexpected error its code, never its text', async () => {
    const error = Object.assign(new Error('connect postgres://bot:hunter2@db'), { code: 'ECONNREFUSED' });
    expect(await askReadiness([probe('database', error)])).toEqual({
      ready: false,
      parts: { database: { state: 'fail', detail: 'failed (ECONNREFUSED)', hint: 'The log has the details.' } },
    });
  });
});
