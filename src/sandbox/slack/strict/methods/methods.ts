import { drawDates } from '../dates.ts';
import { forward, no, type Answer, type Args, type Edge, word } from '../edge.ts';
import { channelInfo, history, members, mustBeMember, replies, scopeFamily } from './method-conversations.ts';
import { checkAnnounced, checkShared } from './method-files.ts';
import {
  blocksRefusal,
  checkDelete,
  checkEphemeral,
  checkPost,
  checkUpdate,
  prepareMessage,
} from './method-messages.ts';
import { checkOpen, publishHome, rememberModal, updateView } from './method-views.ts';

/** How one Web API method refuses and answers. `scope` is what the token must hold; null when none is needed. */
export interface Method {
  readonly token?: 'app';
  scope(args: Args, edge: Edge): string | null;
  answer(edge: Edge, args: Args): Answer | Promise<Answer>;
}

type Check = (edge: Edge, args: Args) => Answer | null | Promise<Answer | null>;

/** Refuses by `check`, else hands the call to local-slack. */
function checked(method: string, scope: string | null, check: Check, prepare: (args: Args) => Args = (a) => a): Method {
  return {
    scope: () => scope,
    answer: async (edge, args) => (await check(edge, args)) ?? forward(edge, method, prepare(args)),
  };
}

const read = (args: Args, edge: Edge): string => `${scopeFamily(edge, args['channel'])}:read`;
const readHistory = (args: Args, edge: Edge): string => `${scopeFamily(edge, args['channel'])}:history`;
const free = (): null => null;
const anyone: Check = () => null;

/** The methods that the stand-in knows. Any other is `unknown_method`, so that no call goes unchecked. */
export const METHODS: Readonly<Record<string, Method>> = {
  'auth.test': checked('auth.test', null, anyone),
  'apps.connections.open': {
    token: 'app',
    scope: free,
    answer: (edge) => ({ ok: true, url: `ws://${edge.base}${edge.sockets.newPath()}` }),
  },
  'blocks.validate': {
    scope: free,
    answer: (_edge, args) => blocksRefusal(args['blocks']) ?? { ok: true },
  },
  'team.info': checked('team.info', 'team:read', anyone),
  'bots.info': checked('bots.info', 'users:read', anyone),
  'chat.postMessage': checked('chat.postMessage', 'chat:write', checkPost, prepareMessage),
  'chat.postEphemeral': checked('chat.postEphemeral', 'chat:write', checkEphemeral, prepareMessage),
  'chat.update': checked('chat.update', 'chat:write', checkUpdate, prepareMessage),
  'chat.delete': checked('chat.delete', 'chat:write', checkDelete),
  'chat.getPermalink': checked('chat.getPermalink', null, mustBeMember),
  'conversations.info': { scope: read, answer: channelInfo },
  'conversations.members': { scope: read, answer: members },
  'conversations.history': { scope: readHistory, answer: readable(history) },
  'conversations.replies': { scope: readHistory, answer: readable(replies) },
  'conversations.open': checked('conversations.open', 'im:write', anyone),
  'files.getUploadURLExternal': checked('files.getUploadURLExternal', 'files:write', checkAnnounced),
  'files.completeUploadExternal': checked('files.completeUploadExternal', 'files:write', checkShared),
  'reactions.add': checked('reactions.add', 'reactions:write', mustBeMember),
  'users.info': { scope: () => 'users:read', answer: userInfo },
  'usergroups.list': {
    scope: () => 'usergroups:read',
    answer: (edge) => ({
      ok: true,
      usergroups: [...edge.userGroups].map(([id, users]) => ({ id, team_id: edge.team, users, date_delete: 0 })),
    }),
  },
  'usergroups.users.list': { scope: () => 'usergroups:read', answer: userGroup },
  'views.open': {
    scope: free,
    answer: async (edge, args) =>
      checkOpen(edge, args) ?? rememberModal(edge, await forward(edge, 'views.open', drawDates(args))),
  },
  'views.push': {
    scope: free,
    answer: async (edge, args) =>
      checkOpen(edge, args) ?? rememberModal(edge, await forward(edge, 'views.push', drawDates(args))),
  },
  'views.update': { scope: free, answer: updateView },
  'views.publish': { scope: free, answer: publishHome },
};

function readable(read: (edge: Edge, args: Args) => Promise<Answer>): Method['answer'] {
  return (edge, args) => mustBeMember(edge, args) ?? read(edge, args);
}

function userInfo(edge: Edge, args: Args): Answer {
  const person = edge.people.get(word(args, 'user'));
  if (person === undefined) return no('user_not_found');
  const { flags, ...plain } = person;
  return {
    ok: true,
    user: {
      ...plain,
      team_id: edge.team,
      deleted: false,
      is_bot: false,
      is_restricted: false,
      is_ultra_restricted: false,
      is_app_user: false,
      tz: 'Etc/UTC',
      profile: { real_name: person.real_name, display_name: person.name, team: edge.team },
      ...flags,
    },
  };
}

function userGroup(edge: Edge, args: Args): Answer {
  const users = edge.userGroups.get(word(args, 'usergroup'));
  return users === undefined ? no('no_such_subteam') : { ok: true, users };
}
