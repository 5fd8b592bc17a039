import type { Client } from 'pg';

/** How much a sandbox's Kong holds. `metrics` are rows that no declarative file carries, as in real life. */
export interface SeedSize {
  readonly services: number;
  readonly consumers: number;
  readonly metrics: number;
}

const SHOPS = ['orders', 'payments', 'catalogue', 'search', 'accounts', 'shipping', 'returns', 'pricing', 'reviews'];

/** Fills a Kong through its Admin API, as its operators would, and its counters by SQL, as its plugins would. */
export async function seedGateway(
  adminUrl: string,
  name: string,
  size: SeedSize,
  inDatabase: (work: (client: Client) => Promise<void>) => Promise<void>,
): Promise<void> {
  const post = (path: string, body: object): Promise<{ id: string }> => create(`${adminUrl}${path}`, body);
  for (let i = 0; i < size.services; i += 1) await seedService(post, name, i);
  await post('/upstreams', { name: `${name}-pool` });
  await post(`/upstreams/${name}-pool/targets`, { target: '10.0.0.11:8080' });
  await post(`/upstreams/${name}-pool/targets`, { target: '10.0.0.12:8080' });
  await post('/plugins', { name: 'prometheus' });
  for (let i = 0; i < size.consumers; i += 1) await seedConsumer(post, name, i);
  await inDatabase(async (client) => {
    await client.query(
      `INSERT INTO ratelimiting_metrics (identifier, period, period_date, service_id, route_id, value)
       SELECT md5(n::text), 'minute', now() - n * interval '1 minute',
              '00000000-0000-0000-0000-000000000000', '00000000-0000-0000-0000-000000000000', n
         FROM generate_series(1, $1::int) AS n`,
      [size.metrics],
    );
    // Row counts of a table that was just filled are estimates until then.
    await client.query('ANALYZE');
  });
}

type Post = (path: string, body: object) => Promise<{ id: string }>;

async function seedService(post: Post, gateway: string, i: number): Promise<void> {
  const shop = SHOPS[i % SHOPS.length] ?? 'orders';
  const name = i < SHOPS.length ? shop : `${shop}-v${Math.floor(i / SHOPS.length) + 1}`;
  await post('/services', { name, url: `http://${name}.${gateway}.example.internal:8080`, tags: ['sandbox'] });
  await post(`/services/${name}/routes`, { name: `${name}-route`, paths: [`/${name}`], methods: ['GET', 'POST'] });
  if (i % 3 === 0) await post(`/services/${name}/plugins`, { name: 'key-auth', config: { key_names: ['apikey'] } });
  if (i % 4 === 0) await post(`/services/${name}/plugins`, { name: 'rate-limiting', config: { minute: 600 } });
}

async function seedConsumer(post: Post, gateway: string, i: number): Promise<void> {
  const username = `${gateway}-customer-${i + 1}`;
  await post('/consumers', { username, custom_id: `crm-${i + 1}` });
  await post(`/consumers/${username}/key-auth`, { key: `${gateway}-sandbox-key-${i + 1}` });
  if (i % 2 === 0) await post(`/consumers/${username}/acls`, { group: 'customers' });
  if (i % 10 === 0) await post(`/consumers/${username}/basic-auth`, { username, password: `sandbox-${i + 1}` });
}

async function create(url: string, body: object): Promise<{ id: string }> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (response.status !== 201) throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as { id: string };
}
