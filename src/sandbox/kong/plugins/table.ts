import type { Version } from '../version.ts';
import { acl, basicAuth, hmacAuth, keyAuth } from './authentication.ts';
import { fileLog, httpLog, prometheus } from './logging.ts';
import type { Plugin } from './plugin.ts';
import { rateLimiting } from './rate-limiting.ts';
import { cors, requestTermination, requestTransformer } from './traffic.ts';

/** The plugins that the stand-in can configure. The others are listed as available and answer 501 when they are used. */
export const PLUGINS: Readonly<Record<string, Plugin>> = {
  acl,
  'basic-auth': basicAuth,
  cors,
  'file-log': fileLog,
  'hmac-auth': hmacAuth,
  'http-log': httpLog,
  'key-auth': keyAuth,
  prometheus,
  'rate-limiting': rateLimiting,
  'request-termination': requestTermination,
  'request-transformer': requestTransformer,
};

/** Every bundled plugin of Kong 3.9.1 with its priority, in the order of `GET /plugins/enabled`. */
const PRIORITIES: Readonly<Record<string, number>> = {
  'ai-request-transformer': 777,
  'ai-response-transformer': 768,
  'standard-webhooks': 760,
  'request-size-limiting': 951,
  redirect: 779,
  'response-transformer': 800,
  'request-transformer': 801,
  'ip-restriction': 990,
  'basic-auth': 1100,
  'hmac-auth': 1030,
  'rate-limiting': 910,
  'ldap-auth': 1200,
  datadog: 10,
  'grpc-web': 3,
  'grpc-gateway': 998,
  acme: 1705,
  jwt: 1450,
  acl: 950,
  'correlation-id': 100001,
  cors: 2000,
  oauth2: 1400,
  'tcp-log': 7,
  'udp-log': 8,
  'file-log': 9,
  'http-log': 12,
  'key-auth': 1250,
  statsd: 11,
  'bot-detection': 2500,
  'aws-lambda': 750,
  'request-termination': 2,
  prometheus: 13,
  'proxy-cache': 100,
  session: 1900,
  'response-ratelimiting': 900,
  syslog: 4,
  loggly: 6,
  'pre-function': 1000000,
  'post-function': -1000,
  'azure-functions': 749,
  zipkin: 100000,
  opentelemetry: 14,
  'ai-proxy': 770,
  'ai-prompt-decorator': 772,
  'ai-prompt-template': 773,
  'ai-prompt-guard': 771,
};

const SINCE_3 = /^(ai-|standard-webhooks|redirect|opentelemetry)/;

/** Names of the bundled plugins of a version. */
export function bundledPlugins(version: Version): readonly string[] {
  return Object.keys(PRIORITIES).filter((name) => version === '3.9.1' || !SINCE_3.test(name));
}

/** What `GET /` says under `plugins.available_on_server`. */
export function availablePlugins(
  version: Version,
): Readonly<Record<string, true | { priority: number; version: string }>> {
  return Object.fromEntries(
    bundledPlugins(version).map((name) => [
      name,
      version === '2.8.5' ? true : { priority: PRIORITIES[name] ?? 0, version },
    ]),
  );
}
