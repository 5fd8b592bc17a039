import { runCommandContract } from './contract.ts';
import { filesContract } from './files-contract.ts';

const open = () => ({ place: { kind: 'local' as const } });

runCommandContract('local', open);
filesContract('local', open);
