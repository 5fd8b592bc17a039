/** A person: Slack team (or enterprise) id, a slash, Slack user id, e.g. `T01LOCAL/U01ALICE`. Never a display name. */
export type PersonId = string;

export type Role = 'viewer' | 'operator' | 'approver' | 'admin';

/** Who did it. The bot's own acts carry the process, a person's acts carry the way in. */
export type Actor =
  | { readonly kind: 'bot'; readonly host: string; readonly pid: number }
  | ({ readonly kind: 'person' } & Caller);

/** A person and the way they came in. For the CLI the host and the system user are recorded beside the mapped person. */
export interface Caller {
  readonly person: PersonId;
  readonly via: 'slack' | 'cli';
  readonly host?: string;
  readonly systemUser?: string;
}

/** Why a person counts for nothing, whatever the configuration says of them. */
export type StandingProblem = 'guest' | 'stranger' | 'deactivated' | 'bot' | 'other-team' | 'unverifiable';

/**
 * What a person may do at this very moment: looked up at the click, and again for every counted vote when a quorum
 * completes (behaviour 1.4). `problem` set means: may do nothing.
 */
export interface Standing {
  readonly person: PersonId;
  readonly roles: readonly Role[];
  /** Names of the configuration's groups this person belongs to. */
  readonly groups: readonly string[];
  readonly problem?: StandingProblem;
}

/** True when the person is in good standing and holds the role. An admin holds every role but `approver`. */
export function holds(standing: Standing, role: Role): boolean {
  if (standing.problem !== undefined) return false;
  if (standing.roles.includes(role)) return true;
  // Seeing is implied by any role; approving never is: two seats must not be filled by a title.
  if (role === 'viewer') return standing.roles.length > 0;
  return role === 'operator' && standing.roles.includes('admin');
}
