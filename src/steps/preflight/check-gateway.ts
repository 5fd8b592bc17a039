import type { AdminApi, KongRoot } from '../../kong/admin/admin.ts';
import { Fault } from '../../runs/fault.ts';
import type { Checklist } from './checklist.ts';
import { eachAtOnce } from '../each-at-once.ts';
import { counted, some } from '../words.ts';

/** Each of them is some twenty requests at once. */
const WORKSPACES_AT_ONCE = 4;

export interface GatewaySeen {
  readonly root: KongRoot;
  /** The workspaces to dump, `default` alone on Kong OSS. */
  readonly workspaces: readonly string[];
  /** Workspaces of the gateway that the configuration leaves out. */
  readonly leftOut: readonly string[];
}

/** Looks at the gateway over its Admin API; null when it does not answer or its workspaces are not as configured. */
export async function checkGateway(
  list: Checklist,
  admin: AdminApi,
  wanted: { readonly workspaces: 'all' | readonly string[]; readonly database: boolean; readonly declarative: boolean },
): Promise<GatewaySeen | null> {
  const root = await list.check(
    'Admin API',
    () => admin.root(),
    ({ version, edition, databaseKind }) => `Kong ${version} (${edition}), database ${databaseKind}`,
  );
  if (root === null) return null;
  list.expect('Database kind', kindProblem(root, wanted.database), root.databaseKind);
  await list.check(
    "Kong's database",
    () => reachable(admin),
    (text) => text,
  );
  const chosen = await list.check(
    'Workspaces',
    async () => chooseWorkspaces(wanted.workspaces, await admin.workspaces(root)),
    ({ workspaces, leftOut }) => `${some(workspaces)}${leftOut.length === 0 ? '' : ` (left out: ${some(leftOut)})`}`,
  );
  if (chosen === null) return null;
  if (wanted.declarative) {
    await list.check(
      'Rights of the Admin token',
      () => readableLists(admin, root, chosen.workspaces),
      (lists) => `reads ${counted(lists, 'list')}`,
    );
  }
  return { root, ...chosen };
}

function kindProblem(root: KongRoot, database: boolean): Fault | null {
  if (!database || root.databaseKind === 'postgres') return null;
  return new Fault(
    'database-kind',
    `This Kong runs on ${root.databaseKind === 'off' ? 'no database' : root.databaseKind}, and its PostgreSQL database was to be dumped.`,
    'Correct the Admin API address or the database of this gateway in the configuration.',
  );
}

async function reachable(admin: AdminApi): Promise<string> {
  const status = await admin.status();
  if (status.databaseReachable !== false) return status.databaseReachable === null ? 'none' : 'Kong reaches it';
  throw new Fault(
    'kong-without-database',
    'Kong cannot reach its own database at the moment.',
    'Look at the database server and at the log of Kong, then try again.',
    { retryable: true },
  );
}

/** `listed` null: Kong OSS, which has only the default one. */
export function chooseWorkspaces(
  wanted: 'all' | readonly string[],
  listed: readonly string[] | null,
): { readonly workspaces: readonly string[]; readonly leftOut: readonly string[] } {
  const there = listed ?? ['default'];
  if (wanted === 'all') return { workspaces: there, leftOut: [] };
  const absent = wanted.filter((name) => !there.includes(name));
  if (absent.length === 0) return { workspaces: wanted, leftOut: there.filter((name) => !wanted.includes(name)) };
  throw new Fault(
    'workspace-missing',
    `The gateway has no ${absent.length === 1 ? 'workspace' : 'workspaces'} ${some(absent)}; it has ${some(there, 10)}.`,
    'Correct the workspaces of this gateway in the configuration, or use "all".',
  );
}

/** decK takes "forbidden" for "none" without a word, so a weak token would make a dump that looks whole. */
async function readableLists(admin: AdminApi, root: KongRoot, workspaces: readonly string[]): Promise<number> {
  const found = await eachAtOnce(workspaces, WORKSPACES_AT_ONCE, async (workspace) => {
    const prefix = root.edition === 'community' ? null : workspace;
    const lists = await admin.readableLists(root.version, prefix);
    return lists.map((answer) => ({ ...answer, place: prefix === null ? '/' : `/${workspace}/` }));
  });
  const answers = found.flat();
  const unread = answers.filter(({ answer }) => answer === 'forbidden' || answer === 'failed');
  if (unread.length === 0) return answers.filter(({ answer }) => answer === 'ok').length;
  const named = unread.map(
    ({ place, list, status }) =>
      `${place}${list.replace(/^\//, '')} (${status === null ? 'no answer' : `HTTP ${status}`})`,
  );
  const forbidden = unread.every(({ answer }) => answer === 'forbidden');
  throw new Fault(
    forbidden ? 'token-too-weak' : 'lists-unreadable',
    `${forbidden ? 'The Admin token may not read' : 'Kong did not answer'} ${counted(unread.length, 'list')}: ${some(named)}. The dump would miss them without a word.`,
    forbidden
      ? 'Give the token of this gateway the right to read them, or use another token.'
      : 'Look at the log of Kong for these requests, then try again.',
    { retryable: !forbidden },
  );
}
