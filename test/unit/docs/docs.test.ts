import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, normalize } from 'node:path';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { buildProgram } from '../../../src/cli/program.ts';
import { readConfigFile } from '../../../src/config/read.ts';
import { COMMANDS } from '../../../src/slack/views/help.ts';

const pages = ['README.md', ...readdirSync('docs').flatMap((name) => (name.endsWith('.md') ? [`docs/${name}`] : []))];
const textOf = (page: string): string => readFileSync(page, 'utf8');
const { scripts } = JSON.parse(textOf('package.json')) as { readonly scripts: Readonly<Record<string, string>> };

/** As GitHub makes them: lower case, without punctuation, a dash for each space. */
function anchorsOf(page: string): string[] {
  const headings = [...textOf(page).matchAll(/^#{1,6} (.+)$/gm)].map(([, heading]) => heading ?? '');
  return headings.map((heading) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** Every span and block of code on a page, a line each; a line that ends in a pipe goes on. */
function codeOf(page: string): string[] {
  const text = textOf(page);
  const blocks = [...text.matchAll(/^```\w*\n([\s\S]*?)^```/gm)].map(([, code]) => code ?? '');
  const rest = text.replaceAll(/^```\w*\n[\s\S]*?^```/gm, '');
  const spans = [...rest.matchAll(/`([^`\n]+)`/g)].map(([, code]) => code ?? '');
  return [...blocks.flatMap((block) => block.split('\n')), ...spans];
}

/** What the command line does not have of a call such as `audit verify --head …`; null when it has it all. */
function unknownIn(call: string): string | null {
  const words = call.replaceAll(/"[^"]*"|'[^']*'/g, 'text').split(/\s+/);
  let command: Command = buildProgram(() => undefined);
  for (const word of words) {
    const sub = command.commands.find((known) => known.name() === word);
    if (sub === undefined) break;
    command = sub;
  }
  // `backup` takes a gateway and has commands below it.
  if (command.commands.length > 0 && command.registeredArguments.length === 0)
    return `the command ${words.slice(0, 2).join(' ')}`;
  const options = words.filter((word) => /^--[a-z]/.test(word));
  return options.find((option) => !command.options.some(({ long }) => long === option)) ?? null;
}

describe.each(pages)('%s', (page) => {
  const links = [...textOf(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link ?? '');

  it('links to files and headings that there are', () => {
    const broken = links
      .filter((link) => !/^https?:/.test(link))
      .filter((link) => {
        const [path = '', anchor] = link.split('#');
        const file = path === '' ? page : normalize(join(dirname(page), path));
        if (!existsSync(file)) return true;
        return anchor !== undefined && !anchorsOf(file).includes(anchor);
      });
    expect(broken).toEqual([]);
  });

  it('names npm scripts that there are', () => {
    const named = [...textOf(page).matchAll(/npm (?:run )?(test\b|(?<=run )[a-z:-]+)/g)].map(([, name]) => name ?? '');
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
  });

  it('names commands and options that the command line has', () => {
    const calls = codeOf(page).flatMap((line) =>
      [...line.matchAll(/(?:^|[(;] ?|\$ )kong-chatops +([a-z][^#|;\n]*?) *(?=$|[#|;)\\]| {2})/g)].map(
        ([, call]) => call ?? '',
      ),
    );
    expect(calls.flatMap((call) => (unknownIn(call) === null ? [] : [`${call}: ${unknownIn(call)}`]))).toEqual([]);
  });

  it('names Slack commands that the bot registers', () => {
    const known: readonly string[] = Object.values(COMMANDS).map(({ command }) => command);
    const named = [...textOf(page).matchAll(/(?<=[`\s])\/kong-[a-z]+(?:-[a-z]+)*/g)].map(([command]) => command);
    const paths = new Set(['/kong-chatops']);
    expect(named.filter((command) => !known.includes(command) && !paths.has(command))).toEqual([]);
  });
});

describe('the command line', () => {
  it('has no command that the operators’ guide leaves out', () => {
    const names = (command: Command): string[] =>
      command.commands.length === 0
        ? [command.name()]
        : command.commands.flatMap((sub) => names(sub).map((name) => `${command.name()} ${name}`));
    const guide = textOf('docs/operators-guide.md');
    expect(names(buildProgram(() => undefined)).filter((name) => !guide.includes(name))).toEqual([]);
  });
});

describe('the operators’ guide', () => {
  const guide = textOf('docs/operators-guide.md');
  const failures = guide.slice(guide.indexOf('## When a run fails'), guide.indexOf('## Reading a set'));
  const codes = [...failures.matchAll(/^\| (`[^|]+`) \|/gm)].flatMap(([, cell]) =>
    [...(cell ?? '').matchAll(/`([^`]+)`/g)].map(([, code]) => code ?? ''),
  );
  const sources = readdirSync('src', { recursive: true, encoding: 'utf8' })
    .map((path) => join('src', path))
    .filter((path) => path.endsWith('.ts') && statSync(path).isFile())
    .map((path) => ({ path, text: textOf(path) }));

  it('lists codes of failures', () => {
    expect(codes.length).toBeGreaterThan(40);
  });

  it.each(codes)('lists %s, which the code can say', (code) => {
    // The kinds of trouble with a gateway's database are put together from a table.
    const kind = /^database\.(.+)$/.exec(code)?.[1];
    const said = sources.filter(({ path, text }) =>
      kind === undefined
        ? text.includes(`'${code}'`)
        : path.endsWith('database-faults.ts') && new RegExp(`^ {2}'?${kind}'?: \\{`, 'm').test(text),
    );
    expect(said).not.toEqual([]);
  });
});

describe('the README', () => {
  it('shows a configuration that is valid', () => {
    const yaml = /^```yaml\n([\s\S]*?)^```/m.exec(textOf('README.md'))?.[1] ?? '';
    const folder = mkdtempSync(join(tmpdir(), 'kong-chatops-readme-'));
    writeFileSync(join(folder, 'kong-chatops.yaml'), yaml);
    const read = readConfigFile({ path: join(folder, 'kong-chatops.yaml'), env: {} });
    rmSync(folder, { recursive: true });
    expect(read).toMatchObject({ ok: true });
  });

  it('shows pictures that are small enough to load anywhere', () => {
    const pictures = [...textOf('README.md').matchAll(/!\[[^\]]+\]\(([^)]+)\)/g)].map(([, path]) => path ?? '');
    expect(pictures).not.toEqual([]);
    expect(pictures.filter((path) => statSync(path).size > 300_000)).toEqual([]);
  });
});
