import type { Destination } from '../backup/storage/destination.ts';
import type { Encryption } from '../backup/encryption/encryption.ts';
import { destinationOf } from '../backup/storage/open-destination.ts';
import { setIdOf } from '../backup/set/set-id.ts';
import type { SetRef } from '../backup/set/set-id.ts';
import type { Config, GatewayConfig } from '../config/schema.ts';
import type { RunCommand } from '../run-command/command.ts';
import { Fault } from '../runs/fault.ts';
import type { Run } from '../runs/run.ts';

/** A signed head of the audit trail: sequence number and hash. */
export interface AuditHead {
  readonly seq: number;
  readonly hash: string;
}

/** What every step of a run gets: its gateway as configured now, and the ways to reach it and to keep what it takes. */
export interface StepDeps {
  readonly gateway: GatewayConfig;
  readonly limits: Config['limits'];
  readonly secret: Config['secret'];
  /** The Ed25519 key in PEM, read at the moment of use. */
  readonly signingKey: () => string;
  /** Where the gateway's commands run. Where it is not `sameHost`, files of the worker mean nothing to them. */
  readonly runner: RunCommand;
  /** The worker itself: its disk, and the tools that work on what was fetched. */
  readonly worker: RunCommand;
  readonly destinations: readonly Destination[];
  /** Where exported keyring material goes, apart from the data that it opens. */
  readonly keyringDestination?: Destination | undefined;
  /** Absent: sets are not encrypted. */
  readonly encryption?: Encryption | undefined;
  readonly clock: () => Date;
  /** The newest head, for the manifest; absent or null when there is none yet. */
  readonly head?: (() => Promise<AuditHead | null>) | undefined;
}

export interface StepSurroundings {
  readonly config: Config;
  readonly runnerFor: (gateway: GatewayConfig) => RunCommand;
  readonly worker: RunCommand;
  readonly clock: () => Date;
  readonly encryption?: Encryption;
  readonly head?: () => Promise<AuditHead | null>;
}

/** Binds the steps to the gateway of a run. Fault when the configuration knows it, or a destination, no more. */
export function depsFor(run: Run, { config, runnerFor, worker, clock, head, encryption }: StepSurroundings): StepDeps {
  const gateway = config.gateways.find(({ name }) => name === run.plan.gateway);
  if (gateway === undefined) throw gone('gateway', run.plan.gateway);
  return {
    gateway,
    limits: config.limits,
    secret: config.secret,
    signingKey: () => config.secret(config.signing.private_key),
    runner: runnerFor(gateway),
    worker,
    destinations: plannedDestinations(run).map((name) => openDestination(config, name)),
    keyringDestination:
      gateway.keyring === undefined ? undefined : openDestination(config, gateway.keyring.destination),
    clock,
    head,
    encryption,
  };
}

/** A configured destination by name. */
export function openDestination(config: Pick<Config, 'destinations' | 'secret'>, name: string): Destination {
  const found = config.destinations.find((destination) => destination.name === name);
  if (found === undefined) throw gone('destination', name);
  return destinationOf(found, config.secret);
}

/** The set that this run makes. */
export function refOf(run: Run): SetRef {
  const { gateway } = run.plan;
  return { gateway, set: setIdOf({ id: run.id, requestedAt: run.requestedAt, gateway }) };
}

function plannedDestinations(run: Run): readonly string[] {
  const names = run.plan.parameters['destinations'];
  return Array.isArray(names) ? names.map(String) : [];
}

function gone(what: string, name: string): Fault {
  return new Fault(
    `unknown-${what}`,
    `The configuration of this worker knows no ${what} ${name}, but the run was planned with it.`,
    'Give every worker the same configuration, then start a new run.',
  );
}
