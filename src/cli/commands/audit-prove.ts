import { readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import type { ChainOptions, ChainVerdict } from '../../audit/chain-reader.ts';
import { parseHead, verifyHead, type SignedHead } from '../../audit/heads.ts';
import { readEnvironment } from '../../config/environment.ts';
import { formatFaults } from '../../config/fault.ts';
import { fileProblem } from '../../config/secret.ts';
import { Fault } from '../../runs/fault.ts';
import { isRefusal, refuse, type Refusal } from '../../runs/refusal.ts';
import type { Cli } from '../context.ts';
import { withOperations } from '../context.ts';
import { namer } from '../identity.ts';
import { sayRefusal } from '../say.ts';
import { EXIT, type ExitCode } from '../terminal.ts';

export interface AuditVerifyFlags {
  /** An export; without it the database is read. */
  readonly file?: string;
  /** `seq:hash`, the JSON of a signed head, or a file with either. */
  readonly head?: string;
  readonly publicKey?: string;
}

/** `audit verify`: reads the whole trail and says what was changed where. An export needs neither database nor file. */
export async function auditVerify(cli: Cli, flags: AuditVerifyFlags): Promise<ExitCode> {
  const options = chainOptions(flags);
  if (isRefusal(options)) return sayRefusal(cli.terminal, options);
  if (flags.file !== undefined) {
    const input = (await openForReading(flags.file)).createReadStream();
    return sayVerdict(cli, await cli.ports.verifyExport(input, options), options);
  }
  const read = readEnvironment(cli.terminal.env);
  if (!read.ok) {
    cli.terminal.err(formatFaults(null, read.faults));
    return EXIT.usage;
  }
  return sayVerdict(cli, await cli.ports.verifyDatabase(read.environment.DATABASE_URL, options), options);
}

/** `audit export`: the whole trail as NDJSON. Whoever may not read the trail in Slack may not here. */
export async function auditExport(cli: Cli, out: string | undefined): Promise<ExitCode> {
  return await withOperations(cli, async ({ config, operations, caller }) => {
    const right = await operations.audit({ limit: 1 }, caller);
    if (!right.ok) return sayRefusal(cli.terminal, right.refusal, namer(config));
    const url = config.environment.DATABASE_URL;
    if (out === undefined) {
      await cli.ports.exportTrail(url, cli.terminal.stdout);
      return EXIT.ok;
    }
    const file = await openNew(out);
    if (isRefusal(file)) return sayRefusal(cli.terminal, file);
    await cli.ports.exportTrail(url, file.createWriteStream());
    cli.terminal.err(`Written to ${out}. Check it anywhere:  kong-chatops audit verify --file ${out}`);
    return EXIT.ok;
  });
}

function sayVerdict(cli: Cli, verdict: ChainVerdict, options: ChainOptions): ExitCode {
  const { terminal } = cli;
  for (const { message } of verdict.damage) terminal.err(message);
  if (!verdict.ok) {
    const rest = verdict.damaged - verdict.damage.length;
    if (rest > 0) terminal.err(`… and ${rest} more.`);
    terminal.err(
      'The trail was changed after it was written. Keep this database as it is, and compare with an older export.',
    );
    return EXIT.failed;
  }
  terminal.out(`${verdict.rows} rows, unchanged and complete up to ${verdict.head.seq}:${verdict.head.hash}.`);
  if (options.publicKeys !== undefined)
    terminal.out(`Heads inside the trail with a valid signature: ${verdict.signedHeads}.`);
  terminal.out(
    verdict.tail === 'proven'
      ? `Nothing was cut off up to row ${options.head?.seq ?? 0}: the head given from outside is in it.`
      : 'Tail not provable: rows cut off at the end leave no trace inside. Give a head from outside with --head.',
  );
  return EXIT.ok;
}

/** What is checked against, or why it cannot be. A signed head must be signed by the key given. */
function chainOptions({ head, publicKey }: AuditVerifyFlags): ChainOptions | Refusal {
  const pem = publicKey === undefined ? undefined : readText(publicKey);
  const parsed = head === undefined ? undefined : parseHead(/^\s*(?:\{|\d+:)/.test(head) ? head : readText(head));
  if (parsed === null) {
    return refuse(
      'bad-head',
      'The head is none',
      'Give --head SEQ:HASH, the JSON of a signed head, or a file with either',
    );
  }
  if (parsed !== undefined && pem !== undefined && isSigned(parsed) && !verifyHead(parsed, [pem])) {
    const hint =
      'Take the head from a final message or a manifest, and the public key that belongs to signing.private_key';
    return refuse('head-not-signed', 'The head does not carry a valid signature of the key given', hint);
  }
  return {
    ...(parsed === undefined ? {} : { head: parsed }),
    ...(pem === undefined ? {} : { publicKeys: [pem] }),
  };
}

function isSigned(head: NonNullable<ReturnType<typeof parseHead>>): head is SignedHead {
  return 'signature' in head;
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw unreadable(path, error);
  }
}

async function openForReading(path: string) {
  try {
    return await open(path, 'r');
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** Readable by this user alone, and never over something that is there. */
async function openNew(path: string) {
  try {
    return await open(path, 'wx', 0o600);
  } catch (error) {
    const exists = error instanceof Error && 'code' in error && error.code === 'EEXIST';
    const message = exists
      ? `${path} exists already and is left as it is`
      : `${path} cannot be written: it ${fileProblem(error)}`;
    return refuse('export-not-written', message, 'Name another file with --out');
  }
}

function unreadable(path: string, cause: unknown): Fault {
  return new Fault(
    'file.unreadable',
    `The file ${path} ${fileProblem(cause)}.`,
    'Name a file that this user may read.',
    { cause },
  );
}
