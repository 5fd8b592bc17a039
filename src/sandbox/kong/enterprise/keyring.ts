import { type Answer, badRequest, methodNotAllowed, ok } from '../admin/answer.ts';
import type { Call, Node } from '../admin/node.ts';
import type { Json } from '../schema/field.ts';
import { keyringKeys, takeKeys } from './keyring-keys.ts';
import type { KeyringMemory } from './lists.ts';

/** `/keyring`, `/keyring/export` and `/keyring/import`, as the documentation of Enterprise 2.8 to 3.10 has them. */
export function keyring(node: Node, call: Call): Answer {
  const held = node.enterprise.keyring;
  if (held === undefined) return badRequest('keyring is not enabled');
  const [, doing] = call.path;
  if (doing === undefined) return call.method === 'GET' ? ok(inMemory(held.memory)) : methodNotAllowed;
  if (doing === 'import') return imported(call, held.exported, held.memory);
  if (doing !== 'export') return keyringKeys(call, held.memory);
  if (call.method !== 'POST') return methodNotAllowed;
  return held.exported === null ? badRequest('keyring_public_key is not set') : ok({ data: held.exported });
}

function inMemory(memory: KeyringMemory | undefined): Json {
  return memory === undefined
    ? { ids: ['T6NWgbQG'], active: 'T6NWgbQG' }
    : { ids: [...memory.ids], ...(memory.active !== null && { active: memory.active }) };
}

/** What the node's configuration says of it; nothing on OSS. */
export function keyringConfiguration({ edition, enterprise }: Node): Readonly<Record<string, Json>> {
  if (edition !== 'enterprise') return {};
  const { keyring: held } = enterprise;
  return {
    keyring_enabled: held !== undefined,
    keyring_strategy: 'cluster',
    ...(held?.recoveryKey === true ? { keyring_recovery_public_key: '/etc/kong/recovery.pem' } : {}),
  };
}

/** Takes back what it exported, and nothing else. */
function imported(call: Call, exported: string | null, memory: KeyringMemory | undefined): Answer {
  if (call.method !== 'POST') return methodNotAllowed;
  if (memory !== undefined && call.body['data'] === exported) takeKeys(memory);
  return call.body['data'] === exported ? { status: 201 } : badRequest('failed to import the keyring');
}
