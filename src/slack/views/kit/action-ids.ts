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
  sets: 'sets.show',
  restore: 'set.restore',
  drill: 'set.drill',
  compare: 'set.compare',
  rollback: 'run.rollback',
  close: 'run.close',
  review: 'run.review',
  unlock: 'gateway.unlock',
  acknowledge: 'alarm.acknowledge',
  /** A button that only opens an address; Slack still sends it and wants an answer. */
  open: 'link.open',
} as const;
export type ActionId = (typeof ACTIONS)[keyof typeof ACTIONS];

export const MODALS = {
  backup: 'modal.backup',
  acknowledge: 'modal.acknowledge',
  noGo: 'modal.no-go',
  ownVote: 'modal.own-vote',
  restoreWhich: 'modal.restore-which',
  restore: 'modal.restore',
  rollback: 'modal.rollback',
  close: 'modal.close',
  unlock: 'modal.unlock',
  review: 'modal.review',
} as const;
