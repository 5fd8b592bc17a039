import { createHmac } from 'node:crypto';
import type { Edge } from './edge.ts';
import { notTaken, readAck, type Inbound } from './inbound.ts';
import { ACK_MS, type Acknowledged } from './socket-pool.ts';

/** Takes one thing that a person did to the bot and answers what local-slack is to show for it. */
export async function deliver(edge: Edge, inbound: Inbound): Promise<unknown> {
  const started = performance.now();
  const first = once(edge, inbound, 0);
  if (edge.faults.takeDuplicate()) await once(edge, inbound, 1);
  const ack = await first;
  edge.deliveries.push({ type: inbound.type, ackMs: typeof ack === 'string' ? null : performance.now() - started });
  if (typeof ack !== 'string') return readAck(inbound.type, ack.payload);
  if (inbound.type !== 'slash_commands') return {};
  return notTaken(inbound.payload, ack === 'nobody' ? 'dispatch_failed' : 'operation_timeout');
}

/** By HTTP when the app has a request URL, else over Socket Mode. */
function once(edge: Edge, inbound: Inbound, retry: number): Promise<Acknowledged> {
  return edge.requestUrl === null ? edge.sockets.send(inbound, retry) : byHttp(edge, edge.requestUrl, inbound, retry);
}

/** One signed request, as Slack makes it (docs.slack.dev, verifying-requests-from-slack). */
async function byHttp(edge: Edge, url: string, inbound: Inbound, retry: number): Promise<Acknowledged> {
  const json = JSON.stringify(inbound.payload);
  const form =
    inbound.type === 'interactive'
      ? new URLSearchParams({ payload: json })
      : new URLSearchParams(inbound.payload as Record<string, string>);
  const body = inbound.type === 'events_api' ? json : form.toString();
  const timestamp = String(Math.floor(Date.now() / 1000));
  const mac = createHmac('sha256', edge.tokens.signingSecret).update(`v0:${timestamp}:${body}`).digest('hex');
  try {
    const response = await fetch(url, {
      method: 'POST',
      signal: AbortSignal.timeout(ACK_MS),
      headers: {
        'content-type': inbound.type === 'events_api' ? 'application/json' : 'application/x-www-form-urlencoded',
        'x-slack-request-timestamp': timestamp,
        'x-slack-signature': `v0=${mac}`,
        ...(retry === 0 ? {} : { 'x-slack-retry-num': String(retry), 'x-slack-retry-reason': 'http_timeout' }),
      },
      body,
    });
    return response.ok ? { payload: asPayload(await response.text()) } : 'nobody';
  } catch (error) {
    return error instanceof Error && error.name === 'TimeoutError' ? 'timeout' : 'nobody';
  }
}

/** The body of an acknowledgement: JSON, plain text, or nothing. */
function asPayload(body: string): unknown {
  if (body === '') return {};
  try {
    return JSON.parse(body);
  } catch {
    return { text: body };
  }
}
