import { randomBytes, randomUUID } from 'node:crypto';

/** Slack's own limits: docs.slack.dev, interactivity/handling-user-interaction. */
const TRIGGER_MS = 3000;
const RESPONSE_URL_MS = 30 * 60_000;
const RESPONSE_URL_USES = 5;

/** Trigger ids: 3 s, once. */
export interface Triggers {
  /** Registers one that local-slack made and answers it. */
  issue(id: string): string;
  /** Null when it may be used, which uses it up; else Slack's error code. */
  spend(id: unknown): string | null;
}

export function triggers(now: () => number): Triggers {
  const known = new Map<string, { readonly issued: number; spent: boolean }>();
  return {
    issue: (id) => {
      known.set(id, { issued: now(), spent: false });
      return id;
    },
    spend: (id) => {
      const found = typeof id === 'string' ? known.get(id) : undefined;
      if (found === undefined) return 'invalid_trigger_id';
      if (found.spent) return 'exchanged_trigger_id';
      if (now() - found.issued > TRIGGER_MS) return 'expired_trigger_id';
      found.spent = true;
      return null;
    },
  };
}

/** Response URLs: 30 minutes, 5 uses. Ours stand in front of local-slack's, which never expire. */
export interface ResponseUrls {
  /** Answers the path of ours for an address of local-slack's. */
  issue(upstream: string): string;
  /** The address behind a path of ours, or Slack's error code. */
  spend(id: string): { readonly upstream: string } | { readonly error: string };
}

export function responseUrls(now: () => number): ResponseUrls {
  const known = new Map<string, { readonly upstream: string; readonly issued: number; uses: number }>();
  return {
    issue: (upstream) => {
      const id = randomUUID();
      known.set(id, { upstream, issued: now(), uses: 0 });
      return `/response/${id}`;
    },
    spend: (id) => {
      const found = known.get(id);
      if (found === undefined || now() - found.issued > RESPONSE_URL_MS) return { error: 'expired_url' };
      found.uses += 1;
      return found.uses > RESPONSE_URL_USES ? { error: 'used_url' } : { upstream: found.upstream };
    },
  };
}

/** What Slack puts on a block that came without an id: five characters. */
export function newBlockId(): string {
  return randomBytes(4).toString('base64url').slice(0, 5);
}
