import type { PublishOutputs } from '../../runbooks/backup.ts';
import { nowhere } from '../../runbooks/backup.ts';
import type { DrillOutputs } from '../../runbooks/restore-drill.ts';
import type { CheckSetOutputs, ProveOutputs } from '../../runbooks/restore.ts';
import type { JsonObject } from '../../runs/json.ts';
import type { Run } from '../../runs/run.ts';
import { age, size } from './amounts.ts';

/** Which set a restore, drill or comparison is about, how old it is, and what keeps the present state. */
export function setInUse(run: Run, now: Date): string[] {
  if (run.kind === 'backup') return [];
  const { set = run.plan.parameters['set'], takenAt } = outputs<CheckSetOutputs>(run, 'check-set');
  if (typeof set !== 'string') return [];
  const { strategy } = run.plan.parameters;
  const how = run.kind === 'restore' && typeof strategy === 'string' ? `, by the strategy ${strategy}` : '';
  const old = takenAt === undefined ? '' : `, ${age(takenAt, now)} old`;
  const verb = { restore: 'restores', drill: 'drills', compare: 'compares' }[run.kind];
  return [`  ${verb} the set ${set}${old}${how}`, ...safetyLines(run), ...drillLines(run)];
}

function safetyLines(run: Run): string[] {
  const saved = outputs<PublishOutputs & JsonObject>(run, 'publish-set');
  if (run.kind !== 'restore') return [];
  if (saved.set === undefined) {
    return run.plan.parameters['safety'] === 'kept-database'
      ? ['  no safety backup: the present database is kept under another name']
      : [];
  }
  const missing = nowhere(saved.gaps ?? []).length;
  const gaps = missing === 0 ? '' : `, ${missing} ${missing === 1 ? 'gap' : 'gaps'}`;
  const places = (saved.places ?? []).map(({ destination, path }) => `${destination}: ${path}`).join('; ');
  return [`  safety backup of the state before: set ${saved.set}, ${size(saved.bytes ?? 0)}${gaps} in ${places}`];
}

function drillLines(run: Run): string[] {
  const { tables, rows } = outputs<DrillOutputs>(run, 'restore-drill');
  return tables === undefined || rows === undefined
    ? []
    : [`  restored aside and counted: ${rows} rows in ${tables} tables equal`];
}

/** What was proven on each node, and plainly where nothing was. After a rollback: of the state that came back. */
export function proofLines(run: Run): string[] {
  const back = run.rollback !== undefined;
  return run.plan.steps
    .filter(({ phase }) => (phase === 'undo') === back)
    .flatMap(({ id }) => {
      const { nodes, restartByHand = [] } = outputs<ProveOutputs>(run, id);
      if (!Array.isArray(nodes) || !nodes.every((node) => Array.isArray(node?.proven))) return [];
      return nodes.map((node) => proofLine(node, restartByHand.includes(node.node)));
    });
}

function proofLine({ node, proven, unasked }: ProveOutputs['nodes'][number], restart: boolean): string {
  if (proven.length > 0)
    return `  proven on node ${node}: ${proven.join('; ')}${restart ? '; restart it by hand' : ''}`;
  const why = restart ? 'it could not be reloaded, restart it by hand' : UNASKED[unasked ?? 'no-proxy'];
  return `  nothing was proven on node ${node}: ${why}`;
}

const UNASKED = {
  'no-proxy': 'its proxy is not known (nodes.proxy_url)',
  'no-request': 'no route can be asked for with a plain GET (restore.proof, restore.smoke)',
} as const;

/** Of a step that succeeded; nothing of any other. The step that wrote them is the one that this version plans. */
function outputs<T extends JsonObject>(run: Run, step: string): Partial<T> {
  const state = run.steps[step];
  return state?.status === 'succeeded' ? ((state.outputs ?? {}) as Partial<T>) : {};
}
