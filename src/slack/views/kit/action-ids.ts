/** Every button and modal by name. What is registered, what is drawn and what a test compares is this list. */
export const ACTIONS = {
  go: 'gate.go',
  noGo: 'gate.no-go',
  ownVote: 'gate.own-vote',
  cancel: 'run.cancel',
  retry: 'run.retry',
  watch: 'run.watch',
  auditPage: 'audit.page',
  auditFile: 'audit.file',
  backup: 'home.backup',
  /** A button that only opens an address; Slack still sends it and wants an answer. */
  open: 'link.open',
} as const;
export type ActionId = (typeof ACTIONS)[keyof typeof ACTIONS];

export const MODALS = { backup: 'modal.backup', noGo: 'modal.no-go', ownVote: 'modal.own-vote' } as const;
