import type { Component } from "svelte";
import type { Operation } from "./api/may.ts";
import type { ScreenName } from "./screenLinks.ts";
import { words } from "./words.ts";

/** One screen: what it is called, where the menu has it, and its component. */
interface Screen {
  title: string;
  /** Group of the menu; absent for a screen that is reached from another. */
  menu?: "" | "agents" | "updates" | "policies" | "report" | "administration";
  /** The screen that the menu shows as the current one, for those that it does not have. */
  under?: ScreenName;
  /** The call without which the screen is nothing: who may not make it does not see the screen. */
  needs?: Operation;
  load(): Promise<{ default: Component }>;
}

/** Screens by name, in the order of the menu. Router, menu and browser tests come from these. */
export const SCREENS: Partial<Record<ScreenName, Screen>> = {
  overview: { title: words.menu.overview, menu: "", load: () => import("./overview/Overview.svelte") },
  agents: {
    title: words.menu.agents,
    menu: "agents",
    needs: "listAgents",
    load: () => import("./agents/AgentList.svelte"),
  },
  agent: {
    title: words.agent.about,
    under: "agents",
    needs: "getAgent",
    load: () => import("./agents/one/AgentPage.svelte"),
  },
  enrolment: {
    title: words.menu.enrolment,
    menu: "agents",
    needs: "listEnrolmentTokens",
    load: () => import("./enrol/Enrolment.svelte"),
  },
  updateSource: {
    title: words.menu.updateSource,
    menu: "updates",
    needs: "getSourceList",
    load: () => import("./updateSource/UpdateSource.svelte"),
  },
  listHistory: {
    title: words.list.history,
    under: "updateSource",
    needs: "listSourceListVersions",
    load: () => import("./updateSource/ListHistory.svelte"),
  },
  notification: {
    title: words.notify.title,
    under: "updateSource",
    needs: "getNotification",
    load: () => import("./notify/NotificationPage.svelte"),
  },
  releases: {
    title: words.menu.releases,
    menu: "updates",
    needs: "listReleases",
    load: () => import("./stages/ReleaseList.svelte"),
  },
  release: {
    title: words.releases.release,
    under: "releases",
    needs: "getReleases",
    load: () => import("./stages/ReleasePage.svelte"),
  },
  policies: {
    title: words.menu.policies,
    menu: "policies",
    needs: "listPolicies",
    load: () => import("./policies/PolicyList.svelte"),
  },
  policy: {
    title: words.policies.policy,
    under: "policies",
    needs: "getPolicy",
    load: () => import("./policies/PolicyPage.svelte"),
  },
  report: {
    title: words.menu.report,
    menu: "report",
    needs: "getReport",
    load: () => import("./report/FleetReport.svelte"),
  },
  drill: {
    title: words.menu.drill,
    menu: "report",
    needs: "whatIf",
    load: () => import("./overview/Drill.svelte"),
  },
  firstSteps: {
    title: words.steps.title,
    under: "overview",
    load: () => import("./overview/FirstSteps.svelte"),
  },
  expiries: {
    title: words.menu.expiries,
    menu: "administration",
    needs: "listExpiries",
    load: () => import("./records/ExpiryList.svelte"),
  },
  logs: {
    title: words.menu.logs,
    menu: "administration",
    needs: "listAudit",
    load: () => import("./records/AuditLog.svelte"),
  },
  people: {
    title: words.menu.people,
    menu: "administration",
    needs: "listUsers",
    load: () => import("./people/People.svelte"),
  },
  webhooks: {
    title: words.menu.webhooks,
    menu: "administration",
    needs: "listWebhooks",
    load: () => import("./records/WebhookList.svelte"),
  },
  account: { title: words.accountPage, load: () => import("./people/Account.svelte") },
};
