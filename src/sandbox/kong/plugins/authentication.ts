import { strings } from '../schema/common.ts';
import { decimal, list, text, toggle } from '../schema/field.ts';
import type { Plugin } from './plugin.ts';
import { httpOnly, noConsumer } from './plugin.ts';

const ALGORITHMS = ['hmac-sha1', 'hmac-sha256', 'hmac-sha384', 'hmac-sha512'];

export const acl: Plugin = {
  protocols: { ...noConsumer, ...httpOnly },
  config: {
    allow: strings(),
    deny: strings(),
    hide_groups_header: toggle(false),
    always_use_authenticated_groups: toggle(false, { only: '3.9.1' }),
  },
  shorthand: {
    blacklist: list(text({ is_regex: true }), { only: '2.8.5' }),
    whitelist: list(text({ is_regex: true }), { only: '2.8.5' }),
  },
  checks: [{ only_one_of: ['config.allow', 'config.deny'] }, { at_least_one_of: ['config.allow', 'config.deny'] }],
};

export const basicAuth: Plugin = {
  protocols: { ...noConsumer, ...httpOnly },
  config: {
    anonymous: text(),
    hide_credentials: toggle(false),
    realm: text({ required: true, default: 'service', only: '3.9.1' }),
  },
};

export const keyAuth: Plugin = {
  protocols: { ...noConsumer, ...httpOnly },
  config: {
    key_names: strings({ required: true, default: ['apikey'] }),
    hide_credentials: toggle(false),
    anonymous: text(),
    key_in_header: toggle(true),
    key_in_query: toggle(true),
    key_in_body: toggle(false),
    run_on_preflight: toggle(true),
    realm: text({ required: false, only: '3.9.1' }),
  },
};

export const hmacAuth: Plugin = {
  protocols: { ...noConsumer, ...httpOnly },
  config: {
    hide_credentials: toggle(false),
    clock_skew: decimal({ default: 300, gt: 0 }),
    anonymous: text(),
    validate_request_body: toggle(false),
    enforce_headers: strings({ default: [] }),
    algorithms: list(text({ one_of: ALGORITHMS }), { default: ALGORITHMS }),
    realm: text({ required: false, only: '3.9.1' }),
  },
};
