import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { fileProblem } from '../../config/secret.ts';
import { refuse } from '../../runs/refusal.ts';
import type { Cli } from '../context.ts';
import { sayRefusal } from '../say.ts';
import { EXIT, type ExitCode } from '../terminal.ts';

/** `keygen`: writes a new Ed25519 private key that only this user may read, and prints the public one. Never overwrites. */
export function keygen(cli: Pick<Cli, 'terminal'>, file: string): ExitCode {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  try {
    writeFileSync(file, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600, flag: 'wx' });
  } catch (error) {
    return sayRefusal(cli.terminal, cannotWrite(error, file));
  }
  cli.terminal.err(`The private key is in ${file} (readable by you alone). Name it under signing.private_key.`);
  cli.terminal.err('Give the public key to whoever verifies the trail and the sets:');
  cli.terminal.out(publicKey.export({ type: 'spki', format: 'pem' }).toString().trimEnd());
  return EXIT.ok;
}

function cannotWrite(error: unknown, file: string) {
  const exists = error instanceof Error && 'code' in error && error.code === 'EEXIST';
  if (exists) {
    const hint = 'Name another file with --out. Replacing a key that signed something makes its proofs unreadable';
    return refuse('key-exists', `${file} exists already and is left as it is`, hint);
  }
  return refuse(
    'key-not-written',
    `${file} cannot be written: it ${fileProblem(error)}`,
    'Name another file with --out',
  );
}
