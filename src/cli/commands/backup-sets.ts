import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { catalogue } from '../../backup/set/catalogue.ts';
import type { CatalogueEntry } from '../../backup/set/catalogue.ts';
import type { Destination } from '../../backup/storage/destination.ts';
import { plainNameOf } from '../../backup/encryption/encoding.ts';
import { codingsOf } from '../../backup/set/manifest.ts';
import { openSet } from '../../backup/set/open-set.ts';
import type { OpenSet } from '../../backup/set/open-set.ts';
import { refOfSet } from '../../backup/set/set-id.ts';
import { verifySet } from '../../backup/set/verify.ts';
import { isRefusal, refuse } from '../../runs/refusal.ts';
import type { Refusal } from '../../runs/refusal.ts';
import { nearest } from '../../runs/words/nearest.ts';
import type { Cli } from '../context.ts';
import { sayRefusal } from '../say.ts';
import { duration, size } from '../show/amounts.ts';
import { setLines } from '../show/set.ts';
import { EXIT } from '../terminal.ts';
import type { ExitCode } from '../terminal.ts';
import { openingOf, placeAt, publicKeysOf } from './backup-set-place.ts';

export interface SetFlags {
  readonly destination: string;
  readonly json: boolean;
}
export interface ReadFlags {
  readonly destination: string;
  readonly publicKey: readonly string[];
  readonly identity?: string;
}
export interface FetchFlags extends ReadFlags {
  readonly to: string;
}

/** `backup list`: every published set of a destination, or of one gateway in it. */
export async function listSets(cli: Cli, gateway: string | undefined, flags: SetFlags): Promise<ExitCode> {
  const { terminal } = cli;
  const place = placeAt(cli, flags.destination);
  if (isRefusal(place)) return sayRefusal(terminal, place);
  const gateways = gateway === undefined ? await place.listGateways() : [gateway];
  const lists = await Promise.all(gateways.map((name) => catalogue([place], name, terminal.now())));
  const sets = lists.flat();
  if (flags.json) terminal.out(JSON.stringify(sets, null, 2));
  else if (sets.length === 0) terminal.out(await noneIn(place, gateway));
  else for (const entry of sets) terminal.out(listLine(entry));
  return EXIT.ok;
}

/** A name that was mistyped must not read as "there is no backup". */
async function noneIn(place: Destination, gateway: string | undefined): Promise<string> {
  const others = gateway === undefined ? [] : await place.listGateways();
  if (gateway === undefined || others.length === 0) return `No sets in ${place.name}.`;
  const meant = nearest(gateway, others);
  const offer = meant === null ? '' : ` Did you mean ${meant}?`;
  return `No sets of ${gateway} in ${place.name}, which has sets of: ${others.join(', ')}.${offer}`;
}

function listLine({ set, state, ageSeconds, bytes, gaps }: CatalogueEntry): string {
  if (state === 'damaged') return `${set}  DAMAGED: its manifest cannot be read`;
  const told = [`${duration(ageSeconds ?? 0)} old`, size(bytes ?? 0), gaps === 1 ? '1 gap' : `${gaps ?? 0} gaps`];
  return `${set}  ${told.join(', ')}`;
}

/** `backup show`: what the signed manifest says. */
export async function showSet(
  cli: Cli,
  name: string,
  flags: ReadFlags & { readonly json: boolean },
): Promise<ExitCode> {
  const set = await opened(cli, name, flags);
  if (isRefusal(set)) return sayRefusal(cli.terminal, set);
  const { manifest, destination, ref } = set;
  if (flags.json) cli.terminal.out(JSON.stringify(manifest, null, 2));
  else for (const line of setLines(manifest, destination.placeOf(ref), cli.terminal.now())) cli.terminal.out(line);
  return EXIT.ok;
}

/** `backup verify`: every byte, and with the identity what is inside. */
export async function verify(cli: Cli, name: string, flags: ReadFlags): Promise<ExitCode> {
  const { terminal } = cli;
  const set = await opened(cli, name, flags);
  if (isRefusal(set)) return sayRefusal(terminal, set);
  const [publicKeyPem] = publicKeysOf(cli, flags.publicKey).filter((key) => set.signedBy(key));
  if (publicKeyPem === undefined) throw new Error('the set was opened by a key that did not sign it');
  const opening = await openingOf(cli, flags.identity);
  const options = { publicKeyPem, opening, decode: true, signal: terminal.stop };
  const { problems, bytesRead, wholeChain } = await verifySet(set.destination, set.ref, options);
  for (const problem of problems) terminal.err(problem);
  if (problems.length > 0) {
    terminal.err('Do not use this set. Use another copy or another set, and keep this one until it is explained.');
    return EXIT.failed;
  }
  if (flags.identity !== undefined && !wholeChain) {
    terminal.err(`The stored bytes are as they were written, but ${flags.identity} opens none of the artifacts.`);
    terminal.err('Give the identity of a recipient that `backup show` names.');
    return EXIT.failed;
  }
  terminal.out(`Every byte is as it was written: ${size(bytesRead)} in ${set.manifest.artifacts.length} artifacts.`);
  terminal.out(
    wholeChain
      ? 'Every artifact was opened and read to its end.'
      : 'The artifacts are encrypted and were not opened: give --identity to prove what is inside.',
  );
  return EXIT.ok;
}

/** `backup fetch`: artifacts into a folder, each whole and proven or not at all. */
export async function fetch(cli: Cli, name: string, asked: readonly string[], flags: FetchFlags): Promise<ExitCode> {
  const { terminal } = cli;
  const set = await opened(cli, name, flags);
  if (isRefusal(set)) return sayRefusal(terminal, set);
  const wanted = wantedArtifacts(set, asked);
  if (isRefusal(wanted)) return sayRefusal(terminal, wanted);
  await mkdir(flags.to, { recursive: true, mode: 0o700 });
  for (const { stored, plain } of wanted) {
    const file = join(flags.to, plain);
    const fetched = await set.fetchArtifact(stored, file, { signal: terminal.stop, durable: true });
    if (isRefusal(fetched)) return sayRefusal(terminal, fetched);
    terminal.out(`${file}  ${size(fetched.bytes)}, SHA-256 ${fetched.sha256}`);
  }
  terminal.err('Files are readable by you alone. They hold credentials of the gateway: remove them when you are done.');
  return EXIT.ok;
}

interface Wanted {
  readonly stored: string;
  readonly plain: string;
}

/** By the name in the set or by the plain one. */
function wantedArtifacts(set: OpenSet, asked: readonly string[]): readonly Wanted[] | Refusal {
  const all = set.manifest.artifacts.map((artifact) => ({
    stored: artifact.name,
    plain: plainNameOf(artifact.name, codingsOf(artifact)),
  }));
  const unknown = asked.filter((name) => !all.some(({ stored, plain }) => name === stored || name === plain));
  if (unknown.length > 0)
    return refuse(
      'artifact-unknown',
      `Set ${set.ref.set} has no artifact ${unknown.join(', ')}.`,
      `It has ${all.map(({ plain }) => plain).join(', ')}.`,
    );
  return asked.length === 0 ? all : all.filter(({ stored, plain }) => asked.includes(stored) || asked.includes(plain));
}

async function opened(cli: Cli, name: string, flags: ReadFlags): Promise<OpenSet | Refusal> {
  const place: Destination | Refusal = placeAt(cli, flags.destination);
  if (isRefusal(place)) return place;
  const ref = refOfSet(name);
  if (ref === null)
    return refuse(
      'bad-set',
      `${name} is no name of a set.`,
      'Take it from  kong-chatops backup list --destination …  for example production-20261121T0740Z-B-142',
    );
  const publicKeys = publicKeysOf(cli, flags.publicKey);
  if (publicKeys.length === 0)
    return refuse(
      'no-public-key',
      'Without the public key that signed the set nothing proves who wrote it.',
      'Give it with --public-key; `kong-chatops keygen` printed it, and  openssl pkey -in signing-key.pem -pubout  does.',
    );
  return openSet(place, ref, { publicKeys, opening: await openingOf(cli, flags.identity) });
}
