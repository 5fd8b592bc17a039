import type { Config, DestinationConfig } from '../config/schema.ts';
import type { Destination } from './destination.ts';
import { Fault } from '../runs/fault.ts';
import { LocalDestination } from './local.ts';

/** A configured destination. Nothing is asked of it yet; secrets are read at the moment of use. */
export function destinationOf(settings: DestinationConfig, _secret: Config['secret']): Destination {
  if (settings.kind === 'local') return new LocalDestination(settings.name, settings.path);
  throw new Fault(
    'destination-kind',
    `Destination ${settings.name} is of kind s3, which this version cannot reach.`,
    'Use a newer one.',
  );
}
