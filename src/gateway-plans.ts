import type { Config, GatewayConfig } from './config/schema.ts';
import type { ApprovalConfig } from './config/schema.ts';
import type { EngineGateway, RestorePlans } from './engine/commands/operations-deps.ts';
import type { GatePolicy, Plan, StepQueue } from './runs/plan.ts';
import type { Refusal } from './runs/refusal.ts';
import { ARTIFACT_KINDS, backupPlan } from './runbooks/backup.ts';
import { comparePlan } from './runbooks/compare.ts';
import { drillPlan } from './runbooks/restore-drill.ts';
import { restorePlan } from './runbooks/restore.ts';
import type { Strategy } from './runbooks/restore.ts';
import { refuse } from './runs/refusal.ts';

/** A gateway as people's commands see it: its plans follow from the configuration in force. */
export function engineGateway(config: Config, gateway: GatewayConfig, serves: readonly StepQueue[]): EngineGateway {
  const plan = backupPlanOf(config, gateway);
  const { name, environment, channel } = gateway;
  if (strategiesOf(gateway).length === 0) return { name, environment, channel, backupPlan: plan };
  return { name, environment, channel, backupPlan: plan, restore: restorePlans(config, gateway, plan, serves) };
}

function backupPlanOf(config: Config, gateway: GatewayConfig): Plan {
  const kinds = ARTIFACT_KINDS.filter(
    (kind) =>
      (kind !== 'database' || gateway.database !== undefined) && (kind !== 'files' || gateway.files !== undefined),
  );
  return backupPlan({
    gateway: gateway.name,
    environment: gateway.environment,
    kinds,
    workspaces: gateway.workspaces,
    destinations: gateway.destinations,
    policy: policyOf(gateway.approvals.backup),
    attempts: config.limits.step_attempts,
    deadlineSeconds: config.limits.step_minutes * 60,
  });
}

/** The ways that this configuration gives the bot, the recommended one first. */
function strategiesOf({ database, files }: GatewayConfig): readonly Strategy[] {
  return [
    ...(database === undefined ? [] : (['database'] as const)),
    // Every gateway has an Admin API, and every backup plan takes its declarative files.
    'declarative',
    ...(files === undefined ? [] : (['files'] as const)),
    // Kong's own program needs a kong.conf.
    ...(database === undefined || files === undefined ? [] : (['fresh-database'] as const)),
    // Whether it has none, or the bot was not told of it, only the gateway can say: then the check of the set refuses.
    ...(database === undefined ? (['dbless'] as const) : []),
  ];
}

function restorePlans(
  config: Config,
  gateway: GatewayConfig,
  backup: Plan,
  serves: readonly StepQueue[],
): RestorePlans {
  const { limits } = config;
  const common = {
    gateway: gateway.name,
    environment: gateway.environment,
    attempts: limits.step_attempts,
    deadlineSeconds: limits.step_minutes * 60,
  };
  return {
    strategies: strategiesOf(gateway),
    plan: (choice) =>
      restorePlan({
        ...common,
        ...choice,
        // Whoever approves the swap approves what precedes it.
        safetySteps: backup.steps.map(({ gate: _gate, ...step }) => step),
        safetyParameters: backup.parameters,
        policy: policyOf(restoreApproval(config, gateway)),
        keyring: gateway.keyring !== undefined || gateway.restore.keyring_recovery_key !== undefined,
        holdSeconds: gateway.restore.hold_hours * 3600,
      }),
    noDrill: gateway.database === undefined ? noDatabase(gateway) : noDrill(config, serves),
    drillPlan: (choice) => drillPlan({ ...common, ...choice }),
    comparePlan: (choice) => comparePlan({ ...common, ...choice }),
  };
}

/** Without a policy of its own: the backup's, else one approver of the first group that has any (decision 2). */
export function restoreApproval(
  config: Pick<Config, 'groups'>,
  { approvals }: Pick<GatewayConfig, 'approvals'>,
): ApprovalConfig {
  const group = config.groups.find(({ roles }) => roles.includes('approver')) ?? config.groups[0];
  const groups = group === undefined ? [] : [{ group: group.name, minimum: 1 }];
  return approvals.restore ?? approvals.backup ?? { groups, expires_minutes: 60, cli: true };
}

function policyOf(approval: ApprovalConfig): GatePolicy;
function policyOf(approval: ApprovalConfig | undefined): GatePolicy | null;
function policyOf(approval: ApprovalConfig | undefined): GatePolicy | null {
  if (approval === undefined) return null;
  return { requirements: approval.groups, expiresSeconds: approval.expires_minutes * 60, cli: approval.cli };
}

/** Only a process that carries drills out knows whether it could: another worker may have what this one lacks. */
function noDrill(config: Config, serves: readonly StepQueue[]): Refusal | null {
  const configured = config.drills.database_url ?? config.environment.DATABASE_OWNER_URL;
  if (configured !== undefined || !serves.includes('restore')) return null;
  return refuse(
    'no-drill-server',
    'There is no PostgreSQL on which a set could be restored to prove it',
    'Name one in the configuration under drills.database_url (a role with CREATEDB), or give the worker DATABASE_OWNER_URL',
  );
}

function noDatabase({ name }: GatewayConfig): Refusal {
  return refuse(
    'no-drill',
    `A drill restores a dump of the database, and the configuration names none for ${name}`,
    'Add database to this gateway in the configuration',
  );
}
