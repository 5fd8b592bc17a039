import type { Gap } from '../../runbooks/backup.ts';
import type { PreflightFacts } from '../plan-facts.ts';
import { counted, some } from '../words.ts';

/** Workspaces of the gateway that the configuration leaves out of the declarative dump. */
export function workspaceGaps(facts: PreflightFacts): readonly Gap[] {
  const left = facts.workspacesLeftOut;
  if (left.length === 0) return [];
  return [
    {
      kind: 'workspaces',
      count: left.length,
      what: `${counted(left.length, 'workspace')} ${left.length === 1 ? 'has' : 'have'} no declarative file: ${some(left)}`,
      why: 'the configuration of this gateway names the workspaces to dump, and these are not among them',
    },
  ];
}
