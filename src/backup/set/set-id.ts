/** One backup set: whose it is and how it is called. */
export interface SetRef {
  readonly gateway: string;
  readonly set: string;
}

const SET_ID = /^([a-z][a-z0-9-]{0,39})-\d{8}T\d{4}Z-[A-Z]-\d{1,12}$/;

/**
 * The name of the set that a run makes: `production-20261121T0740Z-B-142`.
 *
 * Gateway, minute of the request in UTC, run id. The run id makes it unique and sayable ("the set of B-142"), the time in
 * front of it makes a plain listing sort by age, and the gateway keeps a copied folder from losing whose it is.
 * Made from the request alone, so every attempt on every worker finds the same one.
 */
export function setIdOf(run: { readonly id: string; readonly requestedAt: string; readonly gateway: string }): string {
  const minute = new Date(run.requestedAt).toISOString().slice(0, 16).replaceAll(/[-:]/g, '');
  return `${run.gateway}-${minute}Z-${run.id}`;
}

/** True for a text that {@link setIdOf} can have made: it becomes a folder name, so nothing else may pass. */
export function isSetId(text: string): boolean {
  return SET_ID.test(text);
}

/**
 * When the set was asked for, to the minute (ISO 8601), from its name; null for a text that names none. The name is the
 * folder or the key it lies under, so whoever can write one destination alone changes nothing about the set elsewhere.
 */
export function timeOfSet(text: string): string | null {
  const [, year, month, day, hour, minute] = /-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)Z-[A-Z]-\d+$/.exec(text) ?? [];
  const time = new Date(`${year}-${month}-${day}T${hour}:${minute}:00Z`);
  return Number.isNaN(time.getTime()) ? null : time.toISOString();
}

/** The set of this name, whose gateway stands in it; null for a text that names none. */
export function refOfSet(text: string): SetRef | null {
  const gateway = SET_ID.exec(text)?.[1];
  return gateway === undefined ? null : { gateway, set: text };
}
