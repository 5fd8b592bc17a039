// `node reload.ts <Admin API of a stand-in>`: what `kong reload` is to a real node.
const [address = ''] = process.argv.slice(2);
const answer = await fetch(`${address}/stand-in/reload`, { method: 'POST' }).catch(() => null);
process.exitCode = answer?.status === 204 ? 0 : 1;
