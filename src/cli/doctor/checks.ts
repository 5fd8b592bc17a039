import { localRunner } from '../../run-command/local.ts';
import type { Check, DoctorInput } from './check.ts';
import { drillCheck } from './drills.ts';
import { gatewayChecks } from './gateways.ts';
import { heartbeatChecks } from './heartbeats.ts';
import { machineChecks, thisPlatform } from './machine.ts';
import { peopleChecks } from './people.ts';
import { restoreChecks } from './restores.ts';
import { slackChecks } from './slack.ts';
import { storageChecks } from './storage.ts';
import { storeChecks } from './store.ts';

/** Everything that `doctor` looks at, in the order in which it is read. Without a configuration only the machine. */
export function doctorChecks({ config, now }: DoctorInput): readonly Check[] {
  const run = localRunner();
  const platform = thisPlatform();
  if (config === null) return machineChecks(run, platform, true);
  const declarative = config.gateways.some(({ allow_gaps }) => !allow_gaps.includes('declarative'));
  return [
    ...machineChecks(run, platform, declarative),
    ...storeChecks(config),
    ...slackChecks(config, now),
    ...peopleChecks(config),
    ...storageChecks(config),
    ...gatewayChecks(config, platform),
    drillCheck(config, run, platform),
    ...restoreChecks(config),
    ...heartbeatChecks(config),
  ];
}
