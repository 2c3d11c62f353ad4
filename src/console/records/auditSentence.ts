const DEEDS: Record<string, string> = {
  setUp: "Set the server up",
  changePassword: "Changed a password",
  createUser: "Made the user",
  changeUser: "Changed the user",
  deleteUser: "Deleted the user",
  createApiToken: "Made the API token",
  deleteApiToken: "Revoked the API token",
  enrolAgent: "Enrolled",
  enrolAgentAgain: "Enrolled again",
  enrolClone: "Enrolled a copy of another machine:",
  moveAgent: "Moved to another domain:",
  deleteAgent: "Deleted the agent",
  retireAgents: "Retired silent agents:",
  createDomain: "Made the domain",
  changeDomain: "Changed the domain",
  deleteDomain: "Deleted the domain",
  createPolicy: "Made the policy",
  changePolicy: "Changed the policy",
  deletePolicy: "Deleted the policy",
  grantUpdateAgent: "Granted the Update Agent role to",
  takeUpdateAgent: "Took the Update Agent role from",
  createEnrolmentToken: "Made an enrolment token for the domain",
  deleteEnrolmentToken: "Revoked an enrolment token of the domain",
  saveSourceList: "Saved the",
  restoreSourceList: "Restored the",
  createNotification: "Notified agents:",
  tellOthers: "Told agents without waiting for Update Agents, in the notification",
  refreshMirror: "Looked for newer content",
  verifyMirror: "Checked all content kept here",
  seeReleases: "Saw new releases of",
  changeRollout: "Changed the stages of",
  haltRelease: "Halted",
  resumeRelease: "Resumed",
  rollBackRelease: "Rolled back",
  proposeRollout: "Asked for approval of a change of",
  approveProposal: "Approved the change of",
  rejectProposal: "Refused the change of",
  acceptSuggestion: "Accepted the suggestion for",
  dismissSuggestion: "Dismissed the suggestion for",
  revokeAgent: "Took the secret back of",
  rotateAgent: "Had another secret fetched by",
  createWebhook: "Made the webhook",
  changeWebhook: "Changed the webhook",
  deleteWebhook: "Deleted the webhook",
  renewWebhookSecret: "Renewed the secret of the webhook",
  testWebhook: "Tried the webhook",
  beginSecondFactor: "Began a second factor for",
  confirmSecondFactor: "Set a second factor up for",
  endSecondFactor: "Ended the second factor of",
  resetSecondFactor: "Took the second factor back of",
  useRecoveryCode: "Signed in with a recovery code:",
  endSessions: "Ended the sessions of",
  setPassword: "Set the password at the server of",
  goOnRestored: "Went on from a backup:",
};

interface Entry {
  operation: string;
  subject: string;
  detail?: unknown;
}

/** An entry of the audit log in a sentence; an operation that is not known here is said by its name. */
export function sentenceOf({ operation, subject, detail }: Entry): string {
  return `${DEEDS[operation] ?? operation} ${subjectOf(operation, subject, Object(detail))}`.trim();
}

/** The subject by the name that was noted; ids say nothing to people. */
function subjectOf(
  operation: string,
  subject: string,
  { name, domain, target }: Record<string, unknown>,
): string {
  if (typeof name === "string") return name;
  if (subject === "source-list") return "source list";
  if (operation.endsWith("EnrolmentToken") && typeof domain === "string") return domain;
  return operation === "createNotification" ? (targetOf(Object(target)) ?? subject) : subject;
}

function targetOf({ all, domain, agents }: Record<string, unknown>): string | undefined {
  if (all === true) return "all of them";
  if (typeof domain === "string") return `those of ${domain}`;
  return Array.isArray(agents) ? `${agents.length} by name` : undefined;
}
