const DEEDS: Record<string, string> = {
  setUp: "Set the server up",
  changePassword: "Changed a password",
  createUser: "Made the user",
  changeUser: "Changed the user",
  deleteUser: "Deleted the user",
  createApiToken: "Made the API token",
  deleteApiToken: "Revoked the API token",
  enrolAgent: "Enrolled",
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
  createEnrolmentToken: "Made the enrolment token",
  deleteEnrolmentToken: "Revoked the enrolment token",
  saveSourceList: "Saved the",
  restoreSourceList: "Restored the",
  createNotification: "Notified agents:",
  refreshMirror: "Looked for newer content",
};

/** An entry of the audit log in a sentence; an operation that is not known here is said by its name. */
export function sentenceOf({ operation, subject }: { operation: string; subject: string }): string {
  return `${DEEDS[operation] ?? operation} ${subject}`.trim();
}
