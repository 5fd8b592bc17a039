import { type Answer, methodNotAllowed, notFound, ok, unexpected } from '../admin/answer.ts';
import type { Call, Node } from '../admin/node.ts';
import { asText } from '../schema/fill.ts';
import type { KeyringMemory } from './lists.ts';

/** `/keyring/recover`, `/keyring/activate` and `/keyring/active`, as the documentation has them. */
export function keyringKeys(call: Call, memory: KeyringMemory | undefined): Answer {
  const [, doing] = call.path;
  if (memory === undefined) return notFound;
  if (doing === 'active') return call.method === 'GET' && memory.active !== null ? ok({ id: memory.active }) : notFound;
  if (doing !== 'recover' && doing !== 'activate') return notFound;
  if (call.method !== 'POST') return methodNotAllowed;
  return doing === 'recover' ? recover(memory, call) : activate(memory, call);
}

function recover(memory: KeyringMemory, { body }: Call): Answer {
  const right = asText(body['recovery_private_key']).trim() === memory.recoveryKey.trim();
  if (right) takeKeys(memory);
  const [recovered, not_recovered] = right ? [memory.needed, []] : [[], memory.needed];
  const message = `successfully recovered ${recovered.length} keys`;
  return ok({ message, recovered: [...recovered], not_recovered: [...not_recovered] });
}

function activate(memory: KeyringMemory, { body }: Call): Answer {
  const key = asText(body['key']);
  if (!memory.ids.includes(key)) return notFound;
  memory.active = key;
  return { status: 204 };
}

/** The node holds every key that its database needs. */
export function takeKeys(memory: KeyringMemory): void {
  memory.ids = [...new Set([...memory.ids, ...memory.needed])];
}

const ENCRYPTED = /^(certificates|key-auths|basic-auths|hmac-auths|jwts|oauth2)$/;

/** Kong cannot read rows whose key it lacks. Null: nothing is in the way. */
export function sealedAnswer({ enterprise }: Node, path: string): Answer | null {
  const memory = enterprise.keyring?.memory;
  if (memory === undefined || !ENCRYPTED.test(path)) return null;
  return memory.needed.every((id) => memory.ids.includes(id)) ? null : unexpected;
}
