import type { Step } from '../../engine/ports.ts';
import type { RestoreDeps } from './deps.ts';
import { checkSet } from './check-set.ts';
import { diffDeclarative } from './declarative/diff-declarative.ts';
import { proveDeclarative } from './declarative/proof/prove-declarative.ts';
import { readBack, readBackUndo } from './declarative/read-back.ts';
import { syncBack, syncDeclarative } from './declarative/sync-declarative.ts';
import { dropDrill, restoreDrill } from './drill.ts';
import { dropKept, dropScratch } from './drop.ts';
import { diffDbless } from './dbless/diff-dbless.ts';
import { loadDbless, loadDblessBack, readBackDbless } from './dbless/load-dbless.ts';
import { rebuildScratch } from './fallback/rebuild-scratch.ts';
import { diffFiles } from './files/diff-files.ts';
import { placeFiles, removeFiles } from './files/place-files.ts';
import { recoverKeyring } from './keyring/recover-keyring.ts';
import { previewChange } from './preview-change.ts';
import { prove } from './prove.ts';
import { purgeNodes, reloadNodes } from './reload-nodes.ts';
import { restoreScratch } from './restore-scratch.ts';
import { swapBack, swapDatabase } from './swap-database.ts';

/** The steps of the run-books of src/runbooks/restore.ts by id, but for the safety backup, whose steps are a backup's. */
export function restoreSteps(deps: RestoreDeps): Readonly<Record<string, Step>> {
  return {
    'check-set': checkSet(deps),
    'restore-scratch': restoreScratch(deps),
    'preview-change': previewChange(deps),
    'swap-database': swapDatabase(deps),
    'reload-nodes': reloadNodes(deps),
    'prove-restore': prove(deps, 'reload-nodes'),
    'swap-back': swapBack(deps),
    'reload-back': reloadNodes(deps),
    'prove-back': prove(deps, 'reload-back'),
    'drop-restored': dropScratch(deps),
    'drop-kept': dropKept(deps),
    'drop-scratch': dropScratch(deps),
    'diff-declarative': diffDeclarative(deps),
    'sync-declarative': syncDeclarative(deps),
    'purge-nodes': purgeNodes(deps),
    'read-back': readBack(deps),
    'prove-declarative': proveDeclarative(deps, 'purge-nodes'),
    'sync-back': syncBack(deps),
    'purge-back': purgeNodes(deps),
    'read-back-undo': readBackUndo(deps),
    'prove-declarative-back': proveDeclarative(deps, 'purge-back'),
    'diff-files': diffFiles(deps),
    'place-files': placeFiles(deps),
    'remove-files': removeFiles(deps),
    'diff-dbless': diffDbless(deps),
    'load-dbless': loadDbless(deps),
    'read-back-dbless': readBackDbless(deps, false),
    'load-dbless-back': loadDblessBack(deps),
    'read-back-dbless-undo': readBackDbless(deps, true),
    'recover-keyring': recoverKeyring(deps),
    'rebuild-scratch': rebuildScratch(deps),
    'restore-drill': restoreDrill(deps),
    'drop-drill': dropDrill(deps),
  };
}
