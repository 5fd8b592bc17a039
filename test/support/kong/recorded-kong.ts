import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fixturePath } from '../need.ts';

interface Recorded {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly responseBody: unknown;
}

/** An Admin API that repeats what a real Kong answered. It knows no writes and no state. */
export interface RecordedKong {
  readonly url: string;
  /** Every request so far. */
  readonly asked: { readonly path: string; readonly headers: IncomingMessage['headers'] }[];
  /** Answers this path (without query) otherwise from now on; null takes it back. */
  answer(path: string, instead: ((response: ServerResponse) => void) | null): void;
  close(): Promise<void>;
}

/** Sends JSON with a status. */
export function json(status: number, body: unknown): (response: ServerResponse) => void {
  return (response) => {
    response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(body));
  };
}

export async function recordedKong(version: '3.9.1' | '2.8.5'): Promise<RecordedKong> {
  const answers = recordings(version);
  const asked: RecordedKong['asked'] = [];
  const overrides = new Map<string, (response: ServerResponse) => void>();
  const server = createServer((request, response) => {
    const path = request.url ?? '/';
    asked.push({ path, headers: request.headers });
    const plain = path.split('?')[0] ?? '/';
    const send = overrides.get(plain) ?? answers.get(path) ?? answers.get(plain) ?? json(404, { message: 'Not found' });
    send(response);
  });
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    answer: (path, instead) => void (instead === null ? overrides.delete(path) : overrides.set(path, instead)),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** By path with query, and by path alone for pages of another size. */
function recordings(version: string): Map<string, (response: ServerResponse) => void> {
  const answers = new Map<string, (response: ServerResponse) => void>();
  const add = ({ method, path, status, responseBody }: Recorded): void => {
    if (method !== 'GET') return;
    answers.set(path, json(status, responseBody));
    if (!path.includes('offset=')) answers.set(path.split('?')[0] ?? path, json(status, responseBody));
  };
  // The diff has the schemas; the dump comes after it, so that its lists win.
  for (const name of ['diff-no-changes', 'dump-with-id']) {
    const requests = readFileSync(fixturePath(`kong-${version}`, 'deck', `${name}.ndjson`), 'utf8');
    for (const line of requests.trim().split('\n')) add(JSON.parse(line) as Recorded);
  }
  const folder = fixturePath(`kong-${version}`, 'admin');
  for (const file of readdirSync(folder).filter((name) => /^(list-|root|status\.json|paging|schemas-)/.test(name)))
    for (const each of [JSON.parse(readFileSync(`${folder}/${file}`, 'utf8'))].flat() as AdminRecording[])
      if (each.request.path.includes('?') || !answers.has(each.request.path))
        add({ method: each.request.method, path: each.request.path, status: each.status, responseBody: each.body });
  return answers;
}

interface AdminRecording {
  readonly request: { readonly method: string; readonly path: string };
  readonly status: number;
  readonly body: unknown;
}
