import type { Config } from '../config/schema.ts';
import type { Caller, PersonId } from '../runs/person.ts';
import { refuse, type Refusal } from '../runs/refusal.ts';

/**
 * Who is at the terminal: the person whose `system_user` this system user is (decision 5). There is no way to say
 * otherwise; host and system user are recorded beside the person.
 */
export function whoIsThere(config: Config, systemUser: string, host: string): Caller | Refusal {
  const person = config.people.find(({ system_user }) => system_user === systemUser);
  if (person === undefined) {
    return refuse(
      'unknown-system-user',
      `The system user ${systemUser} is nobody in the configuration`,
      `Add "system_user: ${systemUser}" to your entry under people in kong-chatops.yaml`,
    );
  }
  return { person: personId(config, person.id), via: 'cli', host, systemUser };
}

/** A Slack user id as the trail names people. */
export function personId(config: Pick<Config, 'slack'>, slackUser: string): PersonId {
  return `${config.slack.team}/${slackUser}`;
}

/** Names for the terminal: the configuration's, else the id. */
export function namer(config: Pick<Config, 'slack' | 'people'>): (person: PersonId) => string {
  const names = new Map(config.people.map(({ id, name }) => [personId(config, id), name]));
  return (person) => names.get(person) ?? person;
}
