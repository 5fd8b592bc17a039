import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';

/** What the app's manifest.yml asks Slack for, as far as the stand-in holds the bot to it. */
export interface AppManifest {
  readonly scopes: readonly string[];
  readonly events: readonly string[];
  /** Command with its slash, and whether Slack escapes what people type after it. */
  readonly commands: ReadonlyMap<string, { readonly escaped: boolean }>;
}

const schema = z.object({
  features: z.object({
    slash_commands: z.array(z.object({ command: z.string(), should_escape: z.boolean().default(false) })),
  }),
  oauth_config: z.object({ scopes: z.object({ bot: z.array(z.string()) }) }),
  settings: z.object({ event_subscriptions: z.object({ bot_events: z.array(z.string()) }) }),
});

const MANIFEST = new URL('../../../manifest.yml', import.meta.url);

/** The project's own manifest: so the sandbox's bot has exactly the rights that a real one gets. */
export function appManifest(): AppManifest {
  const { features, oauth_config, settings } = schema.parse(parse(readFileSync(MANIFEST, 'utf8')));
  return {
    scopes: oauth_config.scopes.bot,
    events: settings.event_subscriptions.bot_events,
    commands: new Map(
      features.slash_commands.map(({ command, should_escape }) => [command, { escaped: should_escape }]),
    ),
  };
}
