/** What Slack calls a card is a run's status here; its commands have another name. Longer words first. */
const WORDS: readonly (readonly [RegExp, string])[] = [
  [/\bSee the card of ([A-Z]-\d+) for where it stands/g, 'See where it stands: kong-chatops status $1'],
  [/\bThe card of ([A-Z]-\d+) says why; try it again from there/g, 'kong-chatops status $1 says why; ask again then'],
  [/\bFollow it on its card, or be told when it ends/g, 'Follow it: kong-chatops status RUN'],
  [/\bIts card says when it has ended/g, 'kong-chatops status RUN says when it has ended'],
  [/\bSee its card\b/g, 'See it: kong-chatops status RUN'],
  [/\bThe card names who can still vote/g, 'kong-chatops status RUN says who is waited for'],
  [/\bVote on the newest card/g, 'Vote on the newest gate, which kong-chatops status RUN shows'],
  [/: unlock (\S+) with the cause/g, ": kong-chatops unlock $1 --cause '…'"],
  [
    /\bClose ([A-Z]-\d+) when it is good, or roll it back/g,
    'kong-chatops close $1 accepts it, kong-chatops rollback $1 undoes it',
  ],
  [/(^|[\s(`'"“])\/kong-audit\b(?![\w/.-])/g, '$1kong-chatops audit show'],
  [/(^|[\s(`'"“])\/kong-help\b(?![\w/.-])/g, '$1kong-chatops --help'],
  [
    /(^|[\s(`'"“])\/kong-(backups?|restore|drill|rollback|close|unlock|break-glass|review|status)(?![\w/.-])/g,
    '$1kong-chatops $2',
  ],
  // Some hints name both ways in.
  [/(kong-chatops [^,]+), or \1/g, '$1'],
];

/** A hint or message in the words of the terminal. `about`: text that names the run meant by "its card". Pure. */
export function terminalWords(text: string, about = text): string {
  const run = /\b[A-Z]-\d+\b/.exec(about)?.[0];
  const ofRun = run === undefined ? 'kong-chatops status' : `kong-chatops status ${run}`;
  return WORDS.reduce(
    (said, [slack, here]) => said.replaceAll(slack, here.replaceAll('kong-chatops status RUN', ofRun)),
    text,
  );
}
