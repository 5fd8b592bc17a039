import type { Command } from 'commander';

/** What a command line does, and the line as it can be typed. */
type Example = readonly [does: string, line: string];

const SET = 'production-20261121T0740Z-B-142';
const KEYS = '--public-key public.pem --identity identity.txt';

/** By the words of the command; shown under its help. Names are made up, all else is as it must be typed. */
const EXAMPLES: Readonly<Record<string, readonly Example[]>> = {
  'config check': [
    ['as a start on this machine would see it', 'kong-chatops config check'],
    [
      'in a pull request, where there are no secrets',
      'kong-chatops config check --file-only --config kong-chatops.yaml',
    ],
  ],
  backup: [
    ['follow it until it ends or waits for a go', "kong-chatops backup production --reason 'before the upgrade'"],
    ['for a script: print the id of the run and leave', 'kong-chatops backup production --no-wait'],
  ],
  'backup show': [
    ['of a set in a folder', `kong-chatops backup show ${SET} --destination /srv/sets --public-key public.pem`],
    [
      'its manifest, of a destination in the configuration',
      `kong-chatops backup show ${SET} --destination vault --json`,
    ],
  ],
  'backup verify': [
    [
      'every byte, as it is stored',
      `kong-chatops backup verify ${SET} --destination /srv/sets --public-key public.pem`,
    ],
    ['and what is inside', `kong-chatops backup verify ${SET} --destination /srv/sets ${KEYS}`],
    [
      'in object storage',
      `kong-chatops backup verify ${SET} --destination 's3://kong-sets/main?region=eu-central-1' --public-key public.pem`,
    ],
  ],
  'backup fetch': [
    ['all of it', `kong-chatops backup fetch ${SET} --destination /srv/sets ${KEYS} --to ./work`],
    [
      'one artifact by the name that backup show gives it',
      `kong-chatops backup fetch ${SET} database.dump.zst.age --destination vault --identity identity.txt --to ./work`,
    ],
  ],
  backups: [
    ['newest first', 'kong-chatops backups production'],
    ['for a script', 'kong-chatops backups production --json'],
  ],
  restore: [
    [
      'the dump of the latest verified set, swapped in after a go',
      'kong-chatops restore production --confirm production',
    ],
    [
      'a service with its routes and plugins, and a consumer, from an older set',
      `kong-chatops restore production --set ${SET} --strategy declarative --only service:catalog,consumer:alice --confirm production`,
    ],
    [
      'where the present state cannot be backed up',
      'kong-chatops restore production --safety kept-database --confirm production',
    ],
  ],
  drill: [
    ['the latest verified set', 'kong-chatops drill production'],
    ['another one', `kong-chatops drill production --set ${SET} --reason 'audit of Q4'`],
  ],
  'audit verify': [
    ['the trail in the database', 'kong-chatops audit verify'],
    ['against a head that you keep elsewhere', 'kong-chatops audit verify --head head.json --public-key public.pem'],
    ['an export, on any machine', 'kong-chatops audit verify --file trail.ndjson --public-key public.pem'],
  ],
};

/** Adds them under the help of each command that has any. */
export function addExamples(program: Command): void {
  const visit = (command: Command, words: readonly string[]): void => {
    const examples = EXAMPLES[words.join(' ')] ?? [];
    if (examples.length > 0) {
      const lines = examples.flatMap(([does, line]) => [`  # ${does}`, `  ${line}`]);
      command.addHelpText('after', ['', 'Examples:', ...lines].join('\n'));
    }
    for (const sub of command.commands) visit(sub, [...words, sub.name()]);
  };
  visit(program, []);
}
