import type { Caller } from '../../runs/person.ts';

/** The parts of Slack's payloads that say who somebody is; the same for commands, clicks, modals and events. */
export interface PayloadIdentity {
  readonly user_id?: string | undefined;
  readonly team_id?: string | undefined;
  readonly enterprise_id?: string | null | undefined;
  readonly user?: { readonly id: string; readonly team_id?: string | undefined } | string | undefined;
  readonly team?: { readonly id: string; readonly enterprise_id?: string | undefined } | null | undefined;
  readonly enterprise?: { readonly id: string } | null | undefined;
  readonly event?: { readonly user?: string | undefined } | undefined;
}

/**
 * Who pressed or typed. The team is the person's own: somebody of another workspace in a shared channel keeps theirs
 * and is refused as such. On an enterprise grid the configured id is the enterprise's.
 */
export function callerOf(body: PayloadIdentity, configured: string): Caller {
  const { user, team: own } = personOf(body);
  const here = body.team?.id ?? body.team_id;
  const enterprise = enterpriseOf(body);
  // The enterprise says nothing about a person whose own team is not the one that the payload came from.
  const home = own === undefined || own === here;
  const team = home && enterprise === configured ? configured : (own ?? here ?? enterprise ?? '');
  return { person: `${team}/${user}`, via: 'slack' };
}

function personOf(body: PayloadIdentity): { readonly user: string; readonly team: string | undefined } {
  if (typeof body.user === 'object') return { user: body.user.id, team: body.user.team_id };
  return { user: body.user ?? body.user_id ?? body.event?.user ?? '', team: undefined };
}

function enterpriseOf(body: PayloadIdentity): string | null | undefined {
  return body.enterprise?.id ?? body.team?.enterprise_id ?? body.enterprise_id;
}
