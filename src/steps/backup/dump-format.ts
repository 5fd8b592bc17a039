import type { DatabaseConfig } from '../../kong/database/database.ts';
import type { StreamFormat } from '../../kong/dump/dump.ts';
import type { StepDeps } from '../deps.ts';

export type DumpFormat = NonNullable<DatabaseConfig['format']>;

type Chooser = Pick<StepDeps, 'encryption' | 'runner' | 'gateway'>;

/**
 * pg_dump's format: as configured, else one stream of custom format where the set is encrypted, so that nothing of it lies
 * open on a disk, or where pg_dump runs on another machine, whose files the worker cannot read (decision 14).
 */
export function dumpFormat({ encryption, runner, gateway }: Chooser): DumpFormat {
  const streams = (encryption?.recipients.length ?? 0) > 0 || !runner.sameHost;
  return gateway.database?.format ?? (streams ? 'custom' : 'directory');
}

/** Whether the dump goes as one stream from pg_dump to the destinations. */
export function streamsDump(deps: Chooser): boolean {
  return dumpFormat(deps) !== 'directory';
}

/**
 * Names in the set, which say what reads them: `age -d -i KEY … | zstd -d | pg_restore -d NAME` the first three, psql the
 * last. The packed directory is `database.tar`, hence another ending for pg_dump's own tar.
 */
export const DUMP_NAMES: Readonly<Record<StreamFormat, string>> = {
  custom: 'database.dump',
  tar: 'database.pgtar',
  plain: 'database.sql',
};
