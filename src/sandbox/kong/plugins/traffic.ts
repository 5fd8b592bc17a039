import { strings } from '../schema/common.ts';
import type { Field, Fields } from '../schema/field.ts';
import { decimal, integer, list, record, text, toggle } from '../schema/field.ts';
import type { Plugin } from './plugin.ts';
import { anyProtocol, httpOnly, noConsumer } from './plugin.ts';

const METHODS = ['GET', 'HEAD', 'PUT', 'PATCH', 'POST', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT'];

export const cors: Plugin = {
  protocols: { ...noConsumer, ...httpOnly },
  config: {
    origins: strings(),
    headers: strings(),
    exposed_headers: strings(),
    methods: list(text({ one_of: METHODS }), { default: METHODS }),
    max_age: decimal(),
    credentials: toggle(false),
    private_network: toggle(false, { only: '3.9.1' }),
    preflight_continue: toggle(false),
  },
};

export const requestTermination: Plugin = {
  protocols: httpOnly,
  config: {
    'status_code@2': integer({ default: 503, between: [100, 599], only: '2.8.5' }),
    'status_code@3': integer({ required: true, default: 503, between: [100, 599], only: '3.9.1' }),
    message: text(),
    content_type: text(),
    body: text(),
    echo: toggle(false),
    trigger: text(),
  },
};

const names: Field = strings({ required: true, default: [] });
const pairs: Field = list(text({ match: '^[^:]+:.*$' }), { required: true, default: [] });
const change = (headers: Field, more: Fields = {}): Field =>
  record({ body: names, headers, querystring: names, ...more }, { required: true });

export const requestTransformer: Plugin = {
  protocols: { protocols: { ...(anyProtocol['protocols'] as Field), only: '3.9.1' } },
  config: {
    http_method: text({ match: '^%u+$' }),
    remove: change(names),
    rename: change(pairs),
    replace: change(pairs, { uri: text() }),
    add: change(pairs),
    append: change(pairs),
  },
};
