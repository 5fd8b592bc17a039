import { strings } from '../schema/common.ts';
import type { Field, Json } from '../schema/field.ts';
import { decimal, flag, integer, map, record, text, toggle } from '../schema/field.ts';
import type { Plugin } from './plugin.ts';
import { anyProtocol } from './plugin.ts';

const luaFields: Field = map(text({ len_min: 1 }), text({ len_min: 1 }));

const headerName: Field = text({
  match_none: [
    { pattern: '^[Hh][Oo][Ss][Tt]$', err: "cannot contain 'Host' header" },
    // The odd class is Kong's own.
    {
      pattern: '^[Cc][Oo][Nn][Tt][Ee][Nn][Tt]%-[Ll][Ee][nn][Gg][Tt][Hh]$',
      err: "cannot contain 'Content-Length' header",
    },
    { pattern: '^[Cc][Oo][Nn][Tt][Ee][Nn][Tt]%-[Tt][Yy][Pp][Ee]$', err: "cannot contain 'Content-Type' header" },
  ],
});

const retired = (message: string, old: number): Json => ({
  message: `http-log: config.${message} instead`,
  old_default: old,
  removal_in_version: '4.0',
});

const queue: Field = record(
  {
    max_batch_size: integer({ default: 1, between: [1, 1000000] }),
    max_coalescing_delay: decimal({ default: 1, between: [0, 3600] }),
    max_entries: integer({ default: 10000, between: [1, 1000000] }),
    max_bytes: integer(),
    max_retry_time: decimal({ default: 60 }),
    initial_retry_delay: decimal({ default: 0.01, between: [0.001, 1000000] }),
    max_retry_delay: decimal({ default: 60, between: [0.001, 1000000] }),
    concurrency_limit: integer({ one_of: [-1, 1], default: 1 }),
  },
  { required: true, only: '3.9.1' },
);

export const httpLog: Plugin = {
  protocols: anyProtocol,
  config: {
    'http_endpoint@2': text({ required: true, encrypted: true, only: '2.8.5' }),
    'http_endpoint@3': text({ required: true, encrypted: true, referenceable: true, only: '3.9.1' }),
    method: text({ one_of: ['POST', 'PUT', 'PATCH'], default: 'POST' }),
    'content_type@2': text({ one_of: ['application/json'], default: 'application/json', only: '2.8.5' }),
    'content_type@3': text({
      one_of: ['application/json', 'application/json; charset=utf-8'],
      default: 'application/json',
      only: '3.9.1',
    }),
    timeout: decimal({ default: 10000 }),
    keepalive: decimal({ default: 60000 }),
    'retry_count@2': integer({ default: 10, only: '2.8.5' }),
    'queue_size@2': integer({ default: 1, only: '2.8.5' }),
    'flush_timeout@2': decimal({ default: 2, only: '2.8.5' }),
    'retry_count@3': integer({
      only: '3.9.1',
      deprecation: retired('retry_count no longer works, please use config.queue.max_retry_time', 10),
    }),
    'queue_size@3': integer({
      only: '3.9.1',
      deprecation: retired('queue_size is deprecated, please use config.queue.max_batch_size', 1),
    }),
    'flush_timeout@3': decimal({
      only: '3.9.1',
      deprecation: retired('flush_timeout is deprecated, please use config.queue.max_coalescing_delay', 2),
    }),
    'headers@2': map(headerName, strings(), { only: '2.8.5' }),
    'headers@3': map(headerName, text({ referenceable: true }), { only: '3.9.1' }),
    queue,
    custom_fields_by_lua: luaFields,
  },
};

export const fileLog: Plugin = {
  protocols: anyProtocol,
  config: {
    path: text({ required: true, match: '^[^*&%%\\`]+$', err: 'not a valid filename' }),
    reopen: toggle(false),
    custom_fields_by_lua: luaFields,
  },
};

const metric = flag({ default: false, only: '3.9.1' });

export const prometheus: Plugin = {
  protocols: { protocols: { ...(anyProtocol['protocols'] as Field), only: '3.9.1' } },
  config: {
    per_consumer: flag({ default: false }),
    status_code_metrics: metric,
    ai_metrics: metric,
    latency_metrics: metric,
    bandwidth_metrics: metric,
    upstream_health_metrics: metric,
  },
};
