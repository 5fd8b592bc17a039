// npm puts node_modules/.bin first on the path of its scripts, and the dev dependency `node` puts Node 24 there.
// Where npm was told not to run install scripts that link is missing, and the first .ts file would fail with a
// syntax error that nobody can read. Plain CommonJS on purpose: it must run on any Node.
const major = Number(process.versions.node.split('.')[0]);
if (major < 24) {
  console.error(
    `kong-chatops needs Node 24 and this script runs on ${process.version}.\n` +
      'The dev dependency "node" brings it, but its install script did not run (ignore-scripts?).\n' +
      'Run:  npm rebuild node',
  );
  process.exit(2);
}
