import type { Manifest } from '../../../backup/set/manifest.ts';
import type { StepContext } from '../../../engine/ports.ts';
import { Fault } from '../../../runs/fault.ts';
import type { Checklist } from '../../preflight/checklist.ts';
import { configuredDatabase, withAdmin } from '../../gateway-access.ts';
import { some } from '../../words.ts';
import { checkRole, checkVersion } from '../check-place.ts';
import { declarativeOf } from '../declarative/source.ts';
import type { RestoreDeps } from '../deps.ts';
import { configuredFiles } from '../files/place.ts';
import { roomBeside } from '../files/check-files.ts';
import { kongVersion } from './kong-cli.ts';

/** What a fresh database from the declarative file asks of the set, and of the place where Kong's program runs. */
export const FRESH_NEEDS = { content: checkContent, place: checkPlace };

function checkContent(list: Checklist, manifest: Manifest): void {
  const files = [...declarativeOf(manifest).keys()];
  list.expect('Declarative file', files.length === 0 ? NO_FILE : null, `of ${some(files)}`);
  const others = files.filter((workspace) => workspace !== 'default');
  if (files.length > 0)
    list.expect('Workspaces', others.length === 0 ? null : onlyDefault(others), 'only the default one');
}

async function checkPlace(list: Checklist, deps: RestoreDeps, context: StepContext, manifest: Manifest): Promise<void> {
  const keepsDatabase = context.run.plan.parameters['safety'] === 'kept-database';
  await checkVersion(list, deps, context, { manifest, mayBeDown: keepsDatabase });
  await checkRole(list, deps, context, keepsDatabase);
  await list.check(
    'Kong’s program',
    () => kongVersion({ runner: deps.runner, command: deps.gateway.restore.kong_command, signal: context.signal }),
    (version) => version,
  );
  await list.check(
    'kong.conf',
    () => deps.runner.readFile(configuredFiles(deps).kong_conf),
    () => `for a database beside ${configuredDatabase(deps).name}`,
  );
  await list.check(
    'Folder for its settings',
    () => roomBeside(deps, context, 0),
    ({ parent }) => `${parent} can be written`,
  );
  const keyring = await withAdmin(deps, context.signal, async (admin) => (await admin.root()).keyring).catch(
    (error: unknown) => {
      // A Kong that is down says nothing of it.
      if (error instanceof Fault) return null;
      throw error;
    },
  );
  list.expect('Encryption of the database', keyring === null ? null : ENCRYPTED, 'Kong encrypts no fields');
}

const NO_FILE = new Fault(
  'no-declarative',
  'The set holds no declarative file.',
  'Restore another set, or restore the database of this one.',
);

const ENCRYPTED = new Fault(
  'fresh.keyring',
  'Kong encrypts fields of its database, and whether its import does so too is not known.',
  'Restore the database of a set (with its keys), or sync the declarative files (strategy declarative).',
);

function onlyDefault(others: readonly string[]): Fault {
  return new Fault(
    'fresh.workspaces',
    `The set holds workspaces beside the default one (${some(others)}), and Kong’s own import knows only that.`,
    'Restore the database of a set, or sync the declarative files into the gateway (strategy declarative).',
  );
}
