// Made by npm run console:types.
export interface paths {
    "/api/v1/agents": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists agents by name, and counts them by state; with `deviates=true` those that do not do what the list says, each with `why` */
        get: operations["listAgents"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/agents/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Shows one agent */
        get: operations["getAgent"];
        put?: never;
        post?: never;
        /** Forgets an agent, its runs and its secret */
        delete: operations["deleteAgent"];
        options?: never;
        head?: never;
        /** Moves an agent to another domain */
        patch: operations["moveAgent"];
        trace?: never;
    };
    "/api/v1/agents/{id}/order": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Shows where an agent should go by the update order, where it went, what differs, and when it runs next */
        get: operations["getAgentOrder"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/agents/{id}/revoke": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Takes an agent's secret back: it is refused until it is enrolled again, with a token */
        post: operations["revokeAgent"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/agents/{id}/rotate": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Has an agent fetch another secret, as soon as it reports or asks for notifications */
        post: operations["rotateAgent"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/agents/{id}/runs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists an agent's runs, the newest first, each with its report as it came */
        get: operations["listRuns"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/agents/{id}/update-agent": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /** Grants an agent kinds of the Update Agent role, in place of those that it was granted by hand */
        put: operations["grantUpdateAgent"];
        post?: never;
        /** Takes the Update Agent role from an agent */
        delete: operations["takeUpdateAgent"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/api-tokens": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists the API tokens, without their secrets */
        get: operations["listApiTokens"];
        put?: never;
        /** Makes a token for a program, which is shown this once */
        post: operations["createApiToken"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/api-tokens/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Takes an API token back */
        delete: operations["deleteApiToken"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/audit": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists what was changed, by whom and from where, the newest first; all as CSV; as JSON lines from `since` on */
        get: operations["listAudit"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/domains": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists the domains, each with its policy and how many agents are in it */
        get: operations["listDomains"];
        put?: never;
        /** Makes a domain */
        post: operations["createDomain"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/domains/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Shows one domain */
        get: operations["getDomain"];
        put?: never;
        post?: never;
        /** Deletes a domain that nothing is in */
        delete: operations["deleteDomain"];
        options?: never;
        head?: never;
        /** Changes what is said of a domain; its name stays, since agents ask for their policy by it */
        patch: operations["changeDomain"];
        trace?: never;
    };
    "/api/v1/enrolment-tokens": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists the enrolment tokens, without their secrets */
        get: operations["listEnrolmentTokens"];
        put?: never;
        /** Makes an enrolment token, which is shown this once */
        post: operations["createEnrolmentToken"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/enrolment-tokens/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Takes an enrolment token back */
        delete: operations["deleteEnrolmentToken"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Says which resources have changed, as events: `hello` with the versions of all, then `changed` with `resource` and `version`; 204 when too many are listening */
        get: operations["watchChanges"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/expiries": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists everything that ends, the next first: metadata, roots, certificates and tokens, each with what to do */
        get: operations["listExpiries"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/metrics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The work and the state of this server, and of the fleet, as OpenMetrics; also at `/metrics` */
        get: operations["getMetrics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/mirror": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Says how new the vendor's content is here, what of it is held, and why it is not newer */
        get: operations["getMirror"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/mirror/refresh": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Looks for newer content of the vendor's now, also while the mirror is paused */
        post: operations["refreshMirror"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/mirror/verify": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Reads all mirrored files through now, and fetches those again that were altered on the disk */
        post: operations["verifyMirror"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/notifications": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists notifications, the newest first */
        get: operations["listNotifications"];
        put?: never;
        /** Notifies agents: Update Agents first, the others once those have synced, spread over a window */
        post: operations["createNotification"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/notifications/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Shows a notification: where its agents are, also by domain, how many of those done had it already (`current`), which Update Agents the others wait for (`waitsFor`), and those that could not be reached by name */
        get: operations["getNotification"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/notifications/{id}/agents": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists a notification's agents in one state, by name */
        get: operations["listNotificationAgents"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/notifications/{id}/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Says whenever a notification has changed, as events; 204 when too many are watching */
        get: operations["watchNotification"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/notifications/{id}/tell-others": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Tells the others now, without waiting for Update Agents; nothing where none is waited for */
        post: operations["tellOthers"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/openapi.json": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Describes this API as OpenAPI 3.1 */
        get: operations["getOpenApi"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/policies": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists the policies */
        get: operations["listPolicies"];
        put?: never;
        /** Makes a policy, and signs and publishes it for its domains and agents */
        post: operations["createPolicy"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/policies/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Shows one policy */
        get: operations["getPolicy"];
        put?: never;
        post?: never;
        /** Deletes a policy: its domains go by the defaults, its agents lose what it granted */
        delete: operations["deletePolicy"];
        options?: never;
        head?: never;
        /** Changes fields of a policy, and signs and publishes what comes of it */
        patch: operations["changePolicy"];
        trace?: never;
    };
    "/api/v1/proposals": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists changes of rollouts and policies that wait for a second person, or were decided, the newest first */
        get: operations["listProposals"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/proposals/{id}/approve": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Approves a change of somebody else, which is then signed and published */
        post: operations["approveProposal"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/proposals/{id}/reject": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Drops a change that waits */
        post: operations["rejectProposal"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/releases": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists components with their releases, how these reach the fleet, and how many agents have which */
        get: operations["listReleases"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/releases/{kind}/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Shows one component: who has which release, how its stages go, and on what evidence one was halted */
        get: operations["getReleases"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/releases/{kind}/{name}/agents": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists agents with what they have of a component: all, those that have a release, or those at which one failed */
        get: operations["listReleaseAgents"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/releases/{kind}/{name}/halt": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Halts a release, the newest by default: whoever has it keeps it, nobody else gets it */
        post: operations["haltRelease"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/releases/{kind}/{name}/resume": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Lifts the halt of a release; without one, all halts and the pin */
        post: operations["resumeRelease"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/releases/{kind}/{name}/rollback": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Pins a release that is still offered: every agent goes to it, and stays there until it is resumed */
        post: operations["rollBackRelease"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/releases/{kind}/{name}/rollout": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /** Sets the stages of a component, and when one is halted; signed and published, or put before a second person */
        put: operations["changeRollout"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/report": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Reports on the fleet: agents and bytes of each source, load against limits, networks, and what Update Agents and deltas saved the link; of the last 30 days by default */
        get: operations["getReport"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/session": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Says who is signed in */
        get: operations["getSession"];
        put?: never;
        /** Signs in */
        post: operations["signIn"];
        /** Signs out */
        delete: operations["signOut"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/session/openid": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Sends a browser to the OpenID provider, where one is configured */
        get: operations["beginOpenId"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/session/openid/callback": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Takes a browser back from the OpenID provider, and signs it in */
        get: operations["endOpenId"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/session/password": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /** Changes one's own password; one's other sessions end */
        put: operations["changePassword"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/session/second-factor": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Shows whether one has a second factor, and whether one's role needs it */
        get: operations["getSecondFactor"];
        put?: never;
        /** Begins a second factor (TOTP), by the password; its secret is shown this once */
        post: operations["beginSecondFactor"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/session/second-factor/confirm": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Confirms the second factor by a code of it; answers with recovery codes, which are shown this once */
        post: operations["confirmSecondFactor"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/session/second-factor/end": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Ends one's second factor, by the password; not where one's role needs it */
        post: operations["endSecondFactor"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/session/ways": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Says how people sign in here, beside by name and password */
        get: operations["getSignInWays"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sessions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists one's own sessions, the one used last first */
        get: operations["listSessions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sessions/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Ends one of one's own sessions */
        delete: operations["deleteSession"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/setup": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Makes the first administrator, with the token of the set-up link */
        post: operations["setUp"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/source-list": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Shows the source list that is in force */
        get: operations["getSourceList"];
        /** Checks, signs and publishes a source list */
        put: operations["saveSourceList"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/source-list/check": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Says what is wrong and odd about a list, and what it would do to the whole fleet; changes nothing */
        post: operations["checkSourceList"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/source-list/findings": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Says what is odd about the source list that is in force, as the fleet is now */
        get: operations["getSourceListFindings"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/source-list/versions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists the versions of the source list, the newest first */
        get: operations["listSourceListVersions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/source-list/versions/{version}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Shows one version of the source list, with what it did to the fleet when it was saved */
        get: operations["getSourceListVersion"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/source-list/versions/{version}/diff": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Says what differs from one version of the source list to another, by default to the newest */
        get: operations["diffSourceListVersions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/source-list/versions/{version}/restore": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Publishes an earlier version of the source list again, as a new one */
        post: operations["restoreSourceList"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/suggestions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Suggests Update Agents to add, to divide and to take away, each with its reason and what it saves in a week */
        get: operations["listSuggestions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/suggestions/{id}/accept": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Does what a suggestion says, in one publication: the role, and the entry of the source list */
        post: operations["acceptSuggestion"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/suggestions/{id}/dismiss": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Lets a suggestion rest for 90 days */
        post: operations["dismissSuggestion"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/traffic": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Sums up by hour and source what agents reported: attempts, failures, bytes, and which of these were thrown away; of the last day by default */
        get: operations["listTraffic"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/uncovered": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Says in which networks (/24, /64) agents are that no entry of the source list matches */
        get: operations["getUncovered"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/update-agents": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists the holders of the Update Agent role, each with its kinds, who or what granted them, and the host name of its machine */
        get: operations["listUpdateAgents"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists the users by name */
        get: operations["listUsers"];
        put?: never;
        /** Makes a user */
        post: operations["createUser"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Deletes a user; never the last administrator */
        delete: operations["deleteUser"];
        options?: never;
        head?: never;
        /** Gives a user another role, shuts one out, or lets one in again; never the last administrator */
        patch: operations["changeUser"];
        trace?: never;
    };
    "/api/v1/users/{id}/second-factor": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Takes the second factor of a user away, who has lost it */
        delete: operations["resetSecondFactor"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/{id}/sessions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists a user's sessions, the one used last first */
        get: operations["listSessionsOfUser"];
        put?: never;
        post?: never;
        /** Signs a user out everywhere */
        delete: operations["endSessionsOfUser"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/{id}/sessions/{session}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Ends one of a user's sessions */
        delete: operations["endSessionOfUser"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/webhooks": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists the webhooks, without their secrets, and those that nothing can be delivered to */
        get: operations["listWebhooks"];
        put?: never;
        /** Makes a webhook, which is told of these events, or of all; its secret is shown this once */
        post: operations["createWebhook"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/webhooks/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Deletes a webhook, and what is still to be delivered to it */
        delete: operations["deleteWebhook"];
        options?: never;
        head?: never;
        /** Changes a webhook, switches one off, or on again */
        patch: operations["changeWebhook"];
        trace?: never;
    };
    "/api/v1/webhooks/{id}/deliveries": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists what a webhook was told and is to be told, the newest first, with what went wrong */
        get: operations["listWebhookDeliveries"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/webhooks/{id}/secret": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Gives a webhook another secret, which is shown this once */
        post: operations["renewWebhookSecret"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/webhooks/{id}/test": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Sends a test event to a webhook now, and says what became of it */
        post: operations["testWebhook"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/what-if": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Says what a list, a policy or dead sources would do: to one agent or address its order, else to the whole fleet, where an Update Agent counts once, by its own name, and is dead by every entry that leads to it; changes nothing */
        post: operations["whatIf"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        Problem: {
            /** @enum {unknown} */
            code: "BODY_INVALID" | "PARAMETER_INVALID" | "NOT_SIGNED_IN" | "CREDENTIALS_WRONG" | "SECOND_FACTOR_NEEDED" | "SECOND_FACTOR_WRONG" | "TOKEN_INVALID" | "NOT_ALLOWED" | "SECOND_FACTOR_MISSING" | "SCOPE_TOO_NARROW" | "OTHER_SITE" | "HOST_UNKNOWN" | "NOT_SET_UP" | "READ_ONLY" | "NOT_FOUND" | "METHOD_UNKNOWN" | "CONFLICT" | "SECOND_PERSON_NEEDED" | "CHANGED_MEANWHILE" | "BODY_TOO_LONG" | "TYPE_UNKNOWN" | "REFUSED" | "IF_MATCH_MISSING" | "TOO_MANY" | "UNEXPECTED" | "UNAVAILABLE";
            detail?: string;
            errors?: {
                field: string;
                message: string;
            }[];
            status: number;
            title: string;
            type: string;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    listAgents: {
        parameters: {
            query?: {
                cursor?: string;
                deviates?: boolean;
                domain?: string;
                limit?: number;
                outcome?: string;
                q?: string;
                role?: "agent" | "update-agent";
                source?: string;
                state?: "online" | "late" | "failing" | "outdated" | "never";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        items: {
                            addresses: string[];
                            cloneOf: string | null;
                            code: string | null;
                            contentVersion: number | null;
                            createdAt: number;
                            deviatesSince: number | null;
                            dnsSuffixes: string[];
                            domain: string;
                            doubledAt: number | null;
                            freeBytes: number | null;
                            hostNames: string[];
                            id: string;
                            name: string;
                            outcome: string | null;
                            planned: string | null;
                            port: number | null;
                            program: string;
                            reportedAt: number | null;
                            revokedAt: number | null;
                            /** @enum {unknown} */
                            role: "agent" | "update-agent";
                            settingsVersion: number | null;
                            source: string | null;
                            /** @enum {unknown} */
                            state: "online" | "late" | "failing" | "outdated" | "never";
                            urls: string[];
                            why?: string;
                        }[];
                        next: string | null;
                        states: {
                            failing: number;
                            late: number;
                            never: number;
                            online: number;
                            outdated: number;
                        };
                        total: number;
                    };
                };
            };
            /** @description PARAMETER_INVALID */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getAgent: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        addresses: string[];
                        cloneOf: string | null;
                        code: string | null;
                        contentVersion: number | null;
                        createdAt: number;
                        deviatesSince: number | null;
                        dnsSuffixes: string[];
                        domain: string;
                        doubledAt: number | null;
                        freeBytes: number | null;
                        hostNames: string[];
                        id: string;
                        name: string;
                        outcome: string | null;
                        planned: string | null;
                        port: number | null;
                        program: string;
                        reportedAt: number | null;
                        revokedAt: number | null;
                        /** @enum {unknown} */
                        role: "agent" | "update-agent";
                        settingsVersion: number | null;
                        source: string | null;
                        /** @enum {unknown} */
                        state: "online" | "late" | "failing" | "outdated" | "never";
                        urls: string[];
                    };
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteAgent: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    moveAgent: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "domain": "default"
                 *     }
                 */
                "application/json": {
                    domain: string;
                };
            };
        };
        responses: {
            /** @description done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        addresses: string[];
                        cloneOf: string | null;
                        code: string | null;
                        contentVersion: number | null;
                        createdAt: number;
                        deviatesSince: number | null;
                        dnsSuffixes: string[];
                        domain: string;
                        doubledAt: number | null;
                        freeBytes: number | null;
                        hostNames: string[];
                        id: string;
                        name: string;
                        outcome: string | null;
                        planned: string | null;
                        port: number | null;
                        program: string;
                        reportedAt: number | null;
                        revokedAt: number | null;
                        /** @enum {unknown} */
                        role: "agent" | "update-agent";
                        settingsVersion: number | null;
                        source: string | null;
                        /** @enum {unknown} */
                        state: "online" | "late" | "failing" | "outdated" | "never";
                        urls: string[];
                    };
                };
            };
            /** @description BODY_INVALID */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description CONFLICT */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description REFUSED */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getAgentOrder: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        deviates: boolean;
                        happened: unknown[] | null;
                        next: number | null;
                        planned: {
                            skipped: unknown[];
                            steps: unknown[];
                            uncovered: string[];
                        };
                        sentence: string;
                        since: number | null;
                    };
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    revokeAgent: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description PARAMETER_INVALID */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    rotateAgent: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description PARAMETER_INVALID */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description CONFLICT */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listRuns: {
        parameters: {
            query?: {
                cursor?: string;
                limit?: number;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        items: {
                            bytes: number;
                            code: string | null;
                            document: unknown;
                            endedAt: number;
                            outcome: string;
                            receivedAt: number;
                            sequence: number;
                            startedAt: number;
                            trigger: string;
                        }[];
                        next: string | null;
                        total: number;
                    };
                };
            };
            /** @description PARAMETER_INVALID */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    grantUpdateAgent: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "kinds": [
                 *         "components",
                 *         "settings"
                 *       ]
                 *     }
                 */
                "application/json": {
                    kinds: ("settings" | "components" | "programs")[];
                };
            };
        };
        responses: {
            /** @description done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        byHand: ("settings" | "components" | "programs")[];
                        byPolicies: {
                            id: string;
                            kinds: ("settings" | "components" | "programs")[];
                            name: string;
                        }[];
                        id: string;
                        kinds: ("settings" | "components" | "programs")[];
                        name: string;
                        port: number | null;
                    };
                };
            };
            /** @description BODY_INVALID, PARAMETER_INVALID */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    takeUpdateAgent: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description PARAMETER_INVALID */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description CONFLICT */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listApiTokens: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        items: {
                            createdAt: number;
                            createdBy: string;
                            expiresAt: number | null;
                            id: string;
                            name: string;
                            /** @enum {unknown} */
                            role: "viewer" | "operator" | "administrator";
                            scope: string[] | null;
                            stopped: ("maker unknown" | "maker deleted" | "maker shut out" | "expired") | null;
                            usedAt: number | null;
                        }[];
                    };
                };
            };
        };
    };
    createApiToken: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "name": "the inventory",
                 *       "role": "viewer"
                 *     }
                 */
                "application/json": {
                    expires?: number;
                    name: string;
                    /** @enum {unknown} */
                    role: "viewer" | "operator" | "administrator";
                    scope?: string[];
                };
            };
        };
        responses: {
            /** @description done */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        id: string;
                        token: string;
                    };
                };
            };
            /** @description BODY_INVALID */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_ALLOWED */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description CONFLICT */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description REFUSED */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteApiToken: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description PARAMETER_INVALID */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listAudit: {
        parameters: {
            query?: {
                cursor?: string;
                format?: "csv" | "ndjson";
                limit?: number;
                since?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        items: {
                            actor: string;
                            actorId: string | null;
                            actorKind: ("user" | "token" | "agent" | "server" | "nobody" | "command") | null;
                            address: string;
                            at: number;
                            detail: unknown;
                            operation: string;
                            sequence: number;
                            subject: string;
                        }[];
                        next: string | null;
                        total: number;
                    };
                    "application/x-ndjson": string;
                    "text/csv": string;
                };
            };
            /** @description PARAMETER_INVALID */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listDomains: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        items: {
                            agents: number;
                            comment: string;
                            createdAt: number;
                            name: string;
                            policy: {
                                id: string;
                                name: string;
                            } | null;
                            version: number;
                        }[];
                    };
                };
            };
        };
    };
    createDomain: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "name": "berlin",
                 *       "comment": "all of the branch"
                 *     }
                 */
                "application/json": {
                    comment?: string;
                    name: string;
                };
            };
        };
        responses: {
            /** @description done */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        agents: number;
                        comment: string;
                        createdAt: number;
                        name: string;
                        policy: {
                            id: string;
                            name: string;
                        } | null;
                        version: number;
                    };
                };
            };
            /** @description BODY_INVALID */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description CONFLICT */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description REFUSED */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getDomain: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        agents: number;
                        comment: string;
                        createdAt: number;
                        name: string;
                        policy: {
                            id: string;
                            name: string;
                        } | null;
                        version: number;
                    };
                };
            };
            /** @description PARAMETER_INVALID */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteDomain: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description PARAMETER_INVALID */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description CONFLICT */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    changeDomain: {
        parameters: {
            query?: never;
            header: {
                "If-Match": string;
            };
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "comment": "whoever is nowhere else"
                 *     }
                 */
                "application/json": {
                    comment: string;
                };
            };
        };
        responses: {
            /** @description done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        agents: number;
                        comment: string;
                        createdAt: number;
                        name: string;
                        policy: {
                            id: string;
                            name: string;
                        } | null;
                        version: number;
                    };
                };
            };
            /** @description BODY_INVALID, PARAMETER_INVALID */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description CHANGED_MEANWHILE */
            412: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description IF_MATCH_MISSING */
            428: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listEnrolmentTokens: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        items: {
                            createdAt: number;
                            createdBy: string;
                            domain: string;
                            expiresAt: number | null;
                            id: string;
                            used: number;
                            uses: number | null;
                        }[];
                    };
                };
            };
        };
    };
    createEnrolmentToken: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "uses": 100,
                 *       "domain": "default"
                 *     }
                 */
                "application/json": {
                    domain?: string;
                    expires?: number;
                    uses?: number;
                };
            };
        };
        responses: {
            /** @description done */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        agents: {
                            host: string | null;
                            port: number;
                            tls: boolean;
                        };
                        id: string;
                        token: string;
                    };
                };
            };
            /** @description BODY_INVALID */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description REFUSED */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteEnrolmentToken: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    watchChanges: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": string;
                };
            };
        };
    };
    listExpiries: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        items: {
                            /** @enum {unknown} */
                            area: "settings" | "content" | "enrolment" | "access" | "certificate";
                            expires: number | null;
                            reason: string | null;
                            remedy: string;
                            /** @enum {unknown} */
                            state: "fine" | "soon" | "ended";
                            what: string;
                        }[];
                    };
                };
            };
        };
    };
    getMetrics: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/openmetrics-text": string;
                };
            };
        };
    };
    getMirror: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        absent: number;
                        age: number | null;
                        bytes: number;
                        components: string[] | null;
                        confirmedAt: number | null;
                        error: {
                            at: number;
                            code: string;
                            message: string;
                        } | null;
                        every: number | null;
                        filling: {
                            needed: number;
                            received: number;
                        } | null;
                        isRunning: boolean;
                        looked: {
                            at: number;
                            /** @enum {unknown} */
                            outcome: "newer" | "nothing newer" | "failed";
                            received: number;
                        } | null;
                        nextAt: number | null;
                        objects: number;
                        received: number;
                        source: string | null;
                        verified: {
                            at: number;
                            damaged: number;
                            missing: number;
                            objects: number;
                        } | null;
                        verifyEvery: number | null;
                        version: number | null;
                    };
                };
            };
        };
    };
    refreshMirror: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        absent: number;
                        age: number | null;
                        bytes: number;
                        components: string[] | null;
                        confirmedAt: number | null;
                        error: {
                            at: number;
                            code: string;
                            message: string;
                        } | null;
                        every: number | null;
                        filling: {
                            needed: number;
                            received: number;
                        } | null;
                        isRunning: boolean;
                        looked: {
                            at: number;
                            /** @enum {unknown} */
                            outcome: "newer" | "nothing newer" | "failed";
                            received: number;
                        } | null;
                        nextAt: number | null;
                        objects: number;
                        received: number;
                        source: string | null;
                        verified: {
                            at: number;
                            damaged: number;
                            missing: number;
                            objects: number;
                        } | null;
                        verifyEvery: number | null;
                        version: number | null;
                    };
                };
            };
            /** @description CONFLICT */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    verifyMirror: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        absent: number;
                        age: number | null;
                        bytes: number;
                        components: string[] | null;
                        confirmedAt: number | null;
                        error: {
                            at: number;
                            code: string;
                            message: string;
                        } | null;
                        every: number | null;
                        filling: {
                            needed: number;
                            received: number;
                        } | null;
                        isRunning: boolean;
                        looked: {
                            at: number;
                            /** @enum {unknown} */
                            outcome: "newer" | "nothing newer" | "failed";
                            received: number;
                        } | null;
                        nextAt: number | null;
                        objects: number;
                        received: number;
                        source: string | null;
                        verified: {
                            at: number;
                            damaged: number;
                            missing: number;
                            objects: number;
                        } | null;
                        verifyEvery: number | null;
                        version: number | null;
                    };
                };
            };
            /** @description CONFLICT */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listNotifications: {
        parameters: {
            query?: {
                cursor?: string;
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        items: {
                            absorbedBy: string | null;
                            createdAt: number;
                            createdBy: string;
                            endedAt: number | null;
                            id: string;
                            others: number;
                            run: boolean;
                            spreadAt: number | null;
                            /** @enum {unknown} */
                            state: "update-agents" | "spreading" | "told" | "ended" | "absorbed";
                            target: {
                                /** @constant */
                                all: true;
                            } | {
                                domain: string;
                            } | {
                                agents: string[];
                            };
                            updateAgents: number;
                            window: number;
                        }[];
                        next: string | null;
                        total: number;
                    };
                };
            };
            /** @description PARAMETER_INVALID */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    createNotification: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "target": {
                 *         "all": true
                 *       }
                 *     }
                 */
                "application/json": {
                    run?: boolean;
                    target: {
                        /** @constant */
                        all: true;
                    } | {
                        domain: string;
                    } | {
                        agents: string[];
                    };
                };
            };
        };
        responses: {
            /** @description done */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        absorbedBy: string | null;
                        counts: {
                            done: number;
                            failed: number;
                            notified: number;
                            running: number;
                            unreachable: number;
                            waiting: number;
                        };
                        createdAt: number;
                        createdBy: string;
                        current: number;
                        endedAt: number | null;
                        id: string;
                        others: number;
                        run: boolean;
                        spreadAt: number | null;
                        /** @enum {unknown} */
                        state: "update-agents" | "spreading" | "told" | "ended" | "absorbed";
                        target: {
                            /** @constant */
                            all: true;
                        } | {
                            domain: string;
                        } | {
                            agents: string[];
                        };
                        updateAgents: number;
                        waitsFor: {
                            agents: {
                                id: string;
                                name: string;
                            }[];
                            total: number;
                            until: number;
                        } | null;
                        window: number;
                    };
                };
            };
            /** @description BODY_INVALID */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description REFUSED */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getNotification: {
        parameters: {
            query?: {
                cursor?: string;
                limit?: number;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        absorbedBy: string | null;
                        counts: {
                            done: number;
                            failed: number;
                            notified: number;
                            running: number;
                            unreachable: number;
                            waiting: number;
                        };
                        createdAt: number;
                        createdBy: string;
                        current: number;
                        domains: {
                            counts: {
                                done: number;
                                failed: number;
                                notified: number;
                                running: number;
                                unreachable: number;
                                waiting: number;
                            };
                            current: number;
                            domain: string;
                        }[];
                        endedAt: number | null;
                        id: string;
                        others: number;
                        run: boolean;
                        spreadAt: number | null;
                        /** @enum {unknown} */
                        state: "update-agents" | "spreading" | "told" | "ended" | "absorbed";
                        target: {
                            /** @constant */
                            all: true;
                        } | {
                            domain: string;
                        } | {
                            agents: string[];
                        };
                        unreachable: {
                            items: {
                                attempts: number;
                                code: string | null;
                                id: string;
                                name: string;
                                nextAt: number | null;
                                /** @enum {unknown} */
                                state: "waiting" | "notified" | "running" | "done" | "failed" | "unreachable";
                                toldAt: number | null;
                            }[];
                            next: string | null;
                            total: number;
                        };
                        updateAgents: number;
                        waitsFor: {
                            agents: {
                                id: string;
                                name: string;
                            }[];
                            total: number;
                            until: number;
                        } | null;
                        window: number;
                    };
                };
            };
            /** @description PARAMETER_INVALID */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listNotificationAgents: {
        parameters: {
            query?: {
                cursor?: string;
                limit?: number;
                state?: "waiting" | "notified" | "running" | "done" | "failed" | "unreachable";
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        items: {
                            attempts: number;
                            code: string | null;
                            id: string;
                            name: string;
                            nextAt: number | null;
                            /** @enum {unknown} */
                            state: "waiting" | "notified" | "running" | "done" | "failed" | "unreachable";
                            toldAt: number | null;
                        }[];
                        next: string | null;
                        total: number;
                    };
                };
            };
            /** @description PARAMETER_INVALID */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    watchNotification: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": string;
                };
            };
            /** @description PARAMETER_INVALID */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    tellOthers: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        absorbedBy: string | null;
                        counts: {
                            done: number;
                            failed: number;
                            notified: number;
                            running: number;
                            unreachable: number;
                            waiting: number;
                        };
                        createdAt: number;
                        createdBy: string;
                        current: number;
                        endedAt: number | null;
                        id: string;
                        others: number;
                        run: boolean;
                        spreadAt: number | null;
                        /** @enum {unknown} */
                        state: "update-agents" | "spreading" | "told" | "ended" | "absorbed";
                        target: {
                            /** @constant */
                            all: true;
                        } | {
                            domain: string;
                        } | {
                            agents: string[];
                        };
                        updateAgents: number;
                        waitsFor: {
                            agents: {
                                id: string;
                                name: string;
                            }[];
                            total: number;
                            until: number;
                        } | null;
                        window: number;
                    };
                };
            };
            /** @description PARAMETER_INVALID */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getOpenApi: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        [key: string]: unknown;
                    };
                };
            };
        };
    };
    listPolicies: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        items: {
                            author: string;
                            changedAt: number;
                            id: string;
                            name: string;
                            settings: {
                                [key: string]: unknown;
                            };
                            targets: {
                                agents: string[];
                                domains: string[];
                            };
                            updateAgent: {
                                kinds: ("settings" | "components" | "programs")[];
                            };
                            version: number;
                        }[];
                    };
                };
            };
        };
    };
    createPolicy: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "name": "branches",
                 *       "targets": {
                 *         "domains": [
                 *           "default"
                 *         ],
                 *         "agents": []
                 *       },
                 *       "settings": {
                 *         "activeUpdate": true
                 *       },
                 *       "updateAgent": {
                 *         "kinds": []
                 *       }
                 *     }
                 */
                "application/json": {
                    name: string;
                    settings?: {
                        [key: string]: unknown;
                    };
                    targets: {
                        agents: string[];
                        domains: string[];
                    };
                    updateAgent?: {
                        kinds: ("settings" | "components" | "programs")[];
                    };
                };
            };
        };
        responses: {
            /** @description done */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        effect: {
                            after: {
                                agents: number;
                                sources: {
                                    agents: number;
                                    kinds: {
                                        [key: string]: number;
                                    };
                                    name: string;
                                }[];
                                uncovered: {
                                    [key: string]: number;
                                };
                                unmatched: number;
                            };
                            before: {
                                agents: number;
                                sources: {
                                    agents: number;
                                    kinds: {
                                        [key: string]: number;
                                    };
                                    name: string;
                                }[];
                                uncovered: {
                                    [key: string]: number;
                                };
                                unmatched: number;
                            };
                            moved: {
                                agents: number;
                                from: string | null;
                                to: string | null;
                            }[];
                        };
                        findings: string[];
                        policy: {
                            author: string;
                            changedAt: number;
                            id: string;
                            name: string;
                            settings: {
                                [key: string]: unknown;
                            };
                            targets: {
                                agents: string[];
                                domains: string[];
                            };
                            updateAgent: {
                                kinds: ("settings" | "components" | "programs")[];
                            };
                            version: number;
                        };
                    };
                };
            };
            /** @description BODY_INVALID */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description READ_ONLY */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description CONFLICT, SECOND_PERSON_NEEDED */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description REFUSED */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getPolicy: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        author: string;
                        changedAt: number;
                        id: string;
                        name: string;
                        settings: {
                            [key: string]: unknown;
                        };
                        targets: {
                            agents: string[];
                            domains: string[];
                        };
                        updateAgent: {
                            kinds: ("settings" | "components" | "programs")[];
                        };
                        version: number;
                    };
                };
            };
            /** @description PARAMETER_INVALID */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deletePolicy: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description PARAMETER_INVALID */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description READ_ONLY */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description CONFLICT, SECOND_PERSON_NEEDED */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description CHANGED_MEANWHILE */
            412: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    changePolicy: {
        parameters: {
            query?: never;
            header: {
                "If-Match": string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "settings": {
                 *         "activeUpdate": false
                 *       }
                 *     }
                 */
                "application/json": {
                    name?: string;
                    settings?: {
                        [key: string]: unknown;
                    };
                    targets?: {
                        agents: string[];
                        domains: string[];
                    };
                    updateAgent?: {
                        kinds: ("settings" | "components" | "programs")[];
                    };
                };
            };
        };
        responses: {
            /** @description done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        effect: {
                            after: {
                                agents: number;
                                sources: {
                                    agents: number;
                                    kinds: {
                                        [key: string]: number;
                                    };
                                    name: string;
                                }[];
                                uncovered: {
                                    [key: string]: number;
                                };
                                unmatched: number;
                            };
                            before: {
                                agents: number;
                                sources: {
                                    agents: number;
                                    kinds: {
                                        [key: string]: number;
                                    };
                                    name: string;
                                }[];
                                uncovered: {
                                    [key: string]: number;
                                };
                                unmatched: number;
                            };
                            moved: {
                                agents: number;
                                from: string | null;
                                to: string | null;
                            }[];
                        };
                        findings: string[];
                        policy: {
                            author: string;
                            changedAt: number;
                            id: string;
                            name: string;
                            settings: {
                                [key: string]: unknown;
                            };
                            targets: {
                                agents: string[];
                                domains: string[];
                            };
                            updateAgent: {
                                kinds: ("settings" | "components" | "programs")[];
                            };
                            version: number;
                        };
                    };
                };
            };
            /** @description BODY_INVALID, PARAMETER_INVALID */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description READ_ONLY */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description CONFLICT, SECOND_PERSON_NEEDED */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description CHANGED_MEANWHILE */
            412: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description REFUSED */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description IF_MATCH_MISSING */
            428: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listProposals: {
        parameters: {
            query?: {
                state?: "waiting" | "approved" | "rejected";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        items: {
                            author: string;
                            authorId: string | null;
                            change: unknown;
                            component: string;
                            createdAt: number;
                            decidedAt: number | null;
                            decidedBy: string | null;
                            fromVersion: number;
                            id: string;
                            reach: number;
                            /** @enum {unknown} */
                            state: "waiting" | "approved" | "rejected";
                        }[];
                    };
                };
            };
            /** @description PARAMETER_INVALID */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    approveProposal: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        author: string;
                        authorId: string | null;
                        change: unknown;
                        component: string;
                        createdAt: number;
                        decidedAt: number | null;
                        decidedBy: string | null;
                        fromVersion: number;
                        id: string;
                        reach: number;
                        /** @enum {unknown} */
                        state: "waiting" | "approved" | "rejected";
                    };
                };
            };
            /** @description PARAMETER_INVALID */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_ALLOWED */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description CONFLICT */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description CHANGED_MEANWHILE */
            412: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description REFUSED */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    rejectProposal: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        author: string;
                        authorId: string | null;
                        change: unknown;
                        component: string;
                        createdAt: number;
                        decidedAt: number | null;
                        decidedBy: string | null;
                        fromVersion: number;
                        id: string;
                        reach: number;
                        /** @enum {unknown} */
                        state: "waiting" | "approved" | "rejected";
                    };
                };
            };
            /** @description PARAMETER_INVALID */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description CONFLICT */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listReleases: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        approval: {
                            share: number;
                            window: number;
                        } | null;
                        items: {
                            author: string;
                            changedAt: number;
                            component: string;
                            kind: string;
                            limits: {
                                share: number;
                                silence: number | null;
                            };
                            name: string;
                            pin: number | null;
                            releases: {
                                agents: number;
                                failed: number;
                                halt: {
                                    at: number;
                                    by: string;
                                    evidence: {
                                        agents: {
                                            at: number;
                                            code: string | null;
                                            id: string;
                                            name: string;
                                            /** @enum {unknown} */
                                            what: "failed" | "unwell" | "silent";
                                        }[];
                                        bad: number;
                                        counts: {
                                            agents: number;
                                            control: {
                                                agents: number;
                                                silent: number;
                                            };
                                            failed: number;
                                            installed: number;
                                            missing: number;
                                            silent: number;
                                            unwell: number;
                                        };
                                        of: number;
                                        opened: number;
                                        sentence: string;
                                        share: number;
                                        silence: number;
                                        stage: number;
                                    } | null;
                                    reason: string;
                                } | null;
                                offered: boolean;
                                release: number;
                                seenAt: number;
                                stages: number[];
                                version: string;
                            }[];
                            stages: {
                                after: number;
                                domains?: string[];
                                percent: number;
                            }[];
                            /** @enum {unknown} */
                            state: "open" | "in stages" | "halted" | "pinned";
                            version: number;
                        }[];
                    };
                };
            };
        };
    };
    getReleases: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                kind: "components" | "programs";
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        author: string;
                        changedAt: number;
                        component: string;
                        domains: {
                            agents: number;
                            domain: string;
                            release: number;
                        }[];
                        kind: string;
                        limits: {
                            share: number;
                            silence: number | null;
                        };
                        name: string;
                        pin: number | null;
                        progress: {
                            agents: {
                                at: number;
                                code: string | null;
                                id: string;
                                name: string;
                                /** @enum {unknown} */
                                what: "failed" | "unwell" | "silent";
                            }[];
                            bad: number;
                            counts: {
                                agents: number;
                                control: {
                                    agents: number;
                                    silent: number;
                                };
                                failed: number;
                                installed: number;
                                missing: number;
                                silent: number;
                                unwell: number;
                            };
                            of: number;
                            opened: number;
                            release: number;
                            sentence: string;
                            share: number;
                            silence: number;
                            stage: number;
                            wouldHalt: boolean;
                        }[];
                        releases: {
                            agents: number;
                            failed: number;
                            halt: {
                                at: number;
                                by: string;
                                evidence: {
                                    agents: {
                                        at: number;
                                        code: string | null;
                                        id: string;
                                        name: string;
                                        /** @enum {unknown} */
                                        what: "failed" | "unwell" | "silent";
                                    }[];
                                    bad: number;
                                    counts: {
                                        agents: number;
                                        control: {
                                            agents: number;
                                            silent: number;
                                        };
                                        failed: number;
                                        installed: number;
                                        missing: number;
                                        silent: number;
                                        unwell: number;
                                    };
                                    of: number;
                                    opened: number;
                                    sentence: string;
                                    share: number;
                                    silence: number;
                                    stage: number;
                                } | null;
                                reason: string;
                            } | null;
                            offered: boolean;
                            release: number;
                            seenAt: number;
                            stages: number[];
                            version: string;
                        }[];
                        stages: {
                            after: number;
                            domains?: string[];
                            percent: number;
                        }[];
                        /** @enum {unknown} */
                        state: "open" | "in stages" | "halted" | "pinned";
                        version: number;
                    };
                };
            };
            /** @description PARAMETER_INVALID */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listReleaseAgents: {
        parameters: {
            query?: {
                cursor?: string;
                failed?: number;
                limit?: number;
                release?: number;
            };
            header?: never;
            path: {
                kind: "components" | "programs";
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        items: {
                            code: string | null;
                            domain: string;
                            failedRelease: number | null;
                            held: {
                                component: string;
                                from?: number;
                                reason: string;
                                release: number;
                                stage?: number;
                            } | null;
                            id: string;
                            name: string;
                            release: number;
                            since: number;
                            version: string;
                        }[];
                        next: string | null;
                        total: number;
                    };
                };
            };
            /** @description PARAMETER_INVALID */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    haltRelease: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                kind: "components" | "programs";
                name: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "reason": "it stops the spooler"
                 *     }
                 */
                "application/json": {
                    reason?: string;
                    release?: number;
                };
            };
        };
        responses: {
            /** @description done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        proposal: {
                            author: string;
                            authorId: string | null;
                            change: unknown;
                            component: string;
                            createdAt: number;
                            decidedAt: number | null;
                            decidedBy: string | null;
                            fromVersion: number;
                            id: string;
                            reach: number;
                            /** @enum {unknown} */
                            state: "waiting" | "approved" | "rejected";
                        } | null;
                        rollout: {
                            author: string;
                            changedAt: number;
                            component: string;
                            limits: {
                                share: number;
                                silence: number | null;
                            };
                            pin: number | null;
                            stages: {
                                after: number;
                                domains?: string[];
                                percent: number;
                            }[];
                            version: number;
                        };
                    };
                };
            };
            /** @description BODY_INVALID, PARAMETER_INVALID */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description CONFLICT */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description CHANGED_MEANWHILE */
            412: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description REFUSED */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    resumeRelease: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                kind: "components" | "programs";
                name: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /** @example {} */
                "application/json": {
                    release?: number;
                };
            };
        };
        responses: {
            /** @description done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        proposal: {
                            author: string;
                            authorId: string | null;
                            change: unknown;
                            component: string;
                            createdAt: number;
                            decidedAt: number | null;
                            decidedBy: string | null;
                            fromVersion: number;
                            id: string;
                            reach: number;
                            /** @enum {unknown} */
                            state: "waiting" | "approved" | "rejected";
                        } | null;
                        rollout: {
                            author: string;
                            changedAt: number;
                            component: string;
                            limits: {
                                share: number;
                                silence: number | null;
                            };
                            pin: number | null;
                            stages: {
                                after: number;
                                domains?: string[];
                                percent: number;
                            }[];
                            version: number;
                        };
                    };
                };
            };
            /** @description BODY_INVALID, PARAMETER_INVALID */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description CONFLICT */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description CHANGED_MEANWHILE */
            412: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description REFUSED */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    rollBackRelease: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                kind: "components" | "programs";
                name: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "release": 42
                 *     }
                 */
                "application/json": {
                    release: number;
                };
            };
        };
        responses: {
            /** @description done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        proposal: {
                            author: string;
                            authorId: string | null;
                            change: unknown;
                            component: string;
                            createdAt: number;
                            decidedAt: number | null;
                            decidedBy: string | null;
                            fromVersion: number;
                            id: string;
                            reach: number;
                            /** @enum {unknown} */
                            state: "waiting" | "approved" | "rejected";
                        } | null;
                        rollout: {
                            author: string;
                            changedAt: number;
                            component: string;
                            limits: {
                                share: number;
                                silence: number | null;
                            };
                            pin: number | null;
                            stages: {
                                after: number;
                                domains?: string[];
                                percent: number;
                            }[];
                            version: number;
                        };
                    };
                };
            };
            /** @description BODY_INVALID, PARAMETER_INVALID */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description CONFLICT */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description CHANGED_MEANWHILE */
            412: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description REFUSED */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    changeRollout: {
        parameters: {
            query?: never;
            header: {
                "If-Match": string;
            };
            path: {
                kind: "components" | "programs";
                name: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "stages": [
                 *         {
                 *           "percent": 100,
                 *           "after": 43200000
                 *         }
                 *       ]
                 *     }
                 */
                "application/json": {
                    limits?: {
                        share: number;
                        silence: number | null;
                    };
                    stages: {
                        after: number;
                        domains?: string[];
                        percent: number;
                    }[];
                };
            };
        };
        responses: {
            /** @description done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        proposal: {
                            author: string;
                            authorId: string | null;
                            change: unknown;
                            component: string;
                            createdAt: number;
                            decidedAt: number | null;
                            decidedBy: string | null;
                            fromVersion: number;
                            id: string;
                            reach: number;
                            /** @enum {unknown} */
                            state: "waiting" | "approved" | "rejected";
                        } | null;
                        rollout: {
                            author: string;
                            changedAt: number;
                            component: string;
                            limits: {
                                share: number;
                                silence: number | null;
                            };
                            pin: number | null;
                            stages: {
                                after: number;
                                domains?: string[];
                                percent: number;
                            }[];
                            version: number;
                        };
                    };
                };
            };
            /** @description BODY_INVALID, PARAMETER_INVALID */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description CONFLICT */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description CHANGED_MEANWHILE */
            412: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description REFUSED */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description IF_MATCH_MISSING */
            428: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getReport: {
        parameters: {
            query?: {
                from?: number;
                to?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        agents: number;
                        days: {
                            bytes: number;
                            copies: number;
                            day: number;
                            far: number;
                            saved: number;
                            wasted: number;
                            whole: number;
                        }[];
                        domains: {
                            domain: string;
                            states: {
                                failing?: number;
                                late?: number;
                                never?: number;
                                online?: number;
                                outdated?: number;
                            };
                        }[];
                        from: number;
                        lines: {
                            agents: number;
                            attempts: number;
                            bytes: number;
                            failed: number;
                            /** @enum {unknown} */
                            kind: "server" | "active-update" | "update-agent" | "url";
                            limit: number | null;
                            ranges: string[];
                            source: string;
                            verdict: ("overloaded" | "excessive" | "idle") | null;
                            wasted: number;
                        }[];
                        moreNetworks: number;
                        networks: {
                            bytes: number;
                            far: number;
                            network: string;
                            runs: number;
                            wasted: number;
                            whole: number;
                        }[];
                        states: {
                            failing: number;
                            late: number;
                            never: number;
                            online: number;
                            outdated: number;
                        };
                        to: number;
                        total: {
                            bytes: number;
                            copies: number;
                            far: number;
                            near: number;
                            saved: number;
                            wasted: number;
                            whole: number;
                        };
                        withoutSource: number;
                    };
                };
            };
            /** @description PARAMETER_INVALID */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description REFUSED */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getSession: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        id: string;
                        /** @enum {unknown} */
                        role: "viewer" | "operator" | "administrator";
                        user: string;
                    };
                };
            };
        };
    };
    signIn: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "user": "ada",
                 *       "password": "correct horse battery"
                 *     }
                 */
                "application/json": {
                    code?: string;
                    password: string;
                    user: string;
                };
            };
        };
        responses: {
            /** @description done */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        id: string;
                        /** @enum {unknown} */
                        role: "viewer" | "operator" | "administrator";
                        user: string;
                    };
                };
            };
            /** @description BODY_INVALID */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description CREDENTIALS_WRONG, SECOND_FACTOR_NEEDED, SECOND_FACTOR_WRONG */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description TOO_MANY */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    signOut: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    beginOpenId: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description TOO_MANY */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    endOpenId: {
        parameters: {
            query?: {
                code?: string;
                error?: string;
                error_description?: string;
                iss?: string;
                state?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/html": unknown;
                };
            };
            /** @description PARAMETER_INVALID */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_SIGNED_IN */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_ALLOWED */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    changePassword: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "old": "correct horse battery",
                 *       "password": "another horse battery"
                 *     }
                 */
                "application/json": {
                    old: string;
                    password: string;
                };
            };
        };
        responses: {
            /** @description done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description BODY_INVALID */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description CONFLICT */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description REFUSED */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description TOO_MANY */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getSecondFactor: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        recoveryCodes: number;
                        required: boolean;
                        /** @enum {unknown} */
                        state: "none" | "begun" | "on";
                    };
                };
            };
            /** @description CONFLICT */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    beginSecondFactor: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "password": "correct horse battery"
                 *     }
                 */
                "application/json": {
                    password: string;
                };
            };
        };
        responses: {
            /** @description done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        secret: string;
                        uri: string;
                    };
                };
            };
            /** @description BODY_INVALID */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description CONFLICT */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description REFUSED */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description TOO_MANY */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    confirmSecondFactor: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "code": "123456"
                 *     }
                 */
                "application/json": {
                    code: string;
                };
            };
        };
        responses: {
            /** @description done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        recoveryCodes: string[];
                    };
                };
            };
            /** @description BODY_INVALID */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description SECOND_FACTOR_WRONG */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description CONFLICT */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description TOO_MANY */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    endSecondFactor: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "password": "correct horse battery"
                 *     }
                 */
                "application/json": {
                    password: string;
                };
            };
        };
        responses: {
            /** @description done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description BODY_INVALID */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description CONFLICT */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description REFUSED */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description TOO_MANY */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getSignInWays: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        openId: boolean;
                    };
                };
            };
        };
    };
    listSessions: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        items: {
                            address: string;
                            agent: string;
                            createdAt: number;
                            current: boolean;
                            expiresAt: number;
                            id: string;
                            seenAt: number;
                        }[];
                    };
                };
            };
        };
    };
    deleteSession: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description PARAMETER_INVALID */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    setUp: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "token": "the-token-of-the-link",
                 *       "user": "ada",
                 *       "password": "correct horse battery"
                 *     }
                 */
                "application/json": {
                    password: string;
                    token: string;
                    user: string;
                };
            };
        };
        responses: {
            /** @description done */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        id: string;
                        /** @enum {unknown} */
                        role: "viewer" | "operator" | "administrator";
                        user: string;
                    };
                };
            };
            /** @description BODY_INVALID */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description TOKEN_INVALID */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description REFUSED */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description TOO_MANY */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getSourceList: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        list: {
                            [key: string]: unknown;
                        } | null;
                        readOnly: boolean;
                        version: number;
                    };
                };
            };
        };
    };
    saveSourceList: {
        parameters: {
            query?: {
                note?: string;
            };
            header: {
                "If-Match": string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "mode": "customized",
                 *       "entries": [
                 *         {
                 *           "range": "10.1.0.0/16",
                 *           "name": "ua-berlin",
                 *           "url": "http://ua-berlin.corp.example:21112"
                 *         }
                 *       ]
                 *     }
                 */
                "application/json": {
                    [key: string]: unknown;
                };
            };
        };
        responses: {
            /** @description done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        effect: {
                            after: {
                                agents: number;
                                sources: {
                                    agents: number;
                                    kinds: {
                                        [key: string]: number;
                                    };
                                    name: string;
                                }[];
                                uncovered: {
                                    [key: string]: number;
                                };
                                unmatched: number;
                            };
                            before: {
                                agents: number;
                                sources: {
                                    agents: number;
                                    kinds: {
                                        [key: string]: number;
                                    };
                                    name: string;
                                }[];
                                uncovered: {
                                    [key: string]: number;
                                };
                                unmatched: number;
                            };
                            moved: {
                                agents: number;
                                from: string | null;
                                to: string | null;
                            }[];
                        } | null;
                        findings: {
                            /** @enum {unknown} */
                            code: "FIELD_INVALID" | "TOO_MANY_ENTRIES" | "FIELD_UNKNOWN" | "FIELD_REPEATED" | "REQUIRES_LACKING" | "REQUIRES_IDLE" | "STANDARD_WITH_ENTRIES" | "LEADS_NOWHERE" | "ENTRY_REPEATED" | "ENTRY_SHADOWED" | "ENTRY_OVERLAPS" | "EXCEPTION_IDLE" | "ENTRY_EXCEPTED" | "HOST_UNRESOLVED" | "UPDATE_AGENT_UNKNOWN" | "UPDATE_AGENT_WITHOUT_ROLE" | "UPDATE_AGENT_WITHOUT_KINDS" | "UPDATE_AGENT_SILENT" | "UPDATE_AGENT_DISK" | "UPDATE_AGENT_IDLE" | "UPDATE_AGENT_FOR_FEW" | "UPDATE_AGENT_OVERLOADED" | "UPDATE_AGENTS_EXCESSIVE" | "UPDATE_AGENTS_LOOP" | "UPDATE_AGENTS_CHAIN" | "SOURCE_FAILING" | "SOURCE_REJECTED" | "RANGE_EMPTY" | "ENTRY_SERVES_NOBODY" | "AGENTS_UNMATCHED" | "AGENTS_WITHOUT_SOURCE";
                            entry: number | null;
                            field: string;
                            /** @enum {unknown} */
                            level: "error" | "warning";
                            message: string;
                            remedy: string;
                        }[];
                        version: number;
                    };
                };
            };
            /** @description BODY_INVALID */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description READ_ONLY */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description CHANGED_MEANWHILE */
            412: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description REFUSED */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description IF_MATCH_MISSING */
            428: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    checkSourceList: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "mode": "customized",
                 *       "entries": [
                 *         {
                 *           "range": "10.1.0.0/16",
                 *           "name": "ua-berlin",
                 *           "url": "http://ua-berlin.corp.example:21112"
                 *         }
                 *       ]
                 *     }
                 */
                "application/json": {
                    [key: string]: unknown;
                };
            };
        };
        responses: {
            /** @description done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        effect: {
                            after: {
                                agents: number;
                                sources: {
                                    agents: number;
                                    kinds: {
                                        [key: string]: number;
                                    };
                                    name: string;
                                }[];
                                uncovered: {
                                    [key: string]: number;
                                };
                                unmatched: number;
                            };
                            before: {
                                agents: number;
                                sources: {
                                    agents: number;
                                    kinds: {
                                        [key: string]: number;
                                    };
                                    name: string;
                                }[];
                                uncovered: {
                                    [key: string]: number;
                                };
                                unmatched: number;
                            };
                            moved: {
                                agents: number;
                                from: string | null;
                                to: string | null;
                            }[];
                        } | null;
                        findings: {
                            /** @enum {unknown} */
                            code: "FIELD_INVALID" | "TOO_MANY_ENTRIES" | "FIELD_UNKNOWN" | "FIELD_REPEATED" | "REQUIRES_LACKING" | "REQUIRES_IDLE" | "STANDARD_WITH_ENTRIES" | "LEADS_NOWHERE" | "ENTRY_REPEATED" | "ENTRY_SHADOWED" | "ENTRY_OVERLAPS" | "EXCEPTION_IDLE" | "ENTRY_EXCEPTED" | "HOST_UNRESOLVED" | "UPDATE_AGENT_UNKNOWN" | "UPDATE_AGENT_WITHOUT_ROLE" | "UPDATE_AGENT_WITHOUT_KINDS" | "UPDATE_AGENT_SILENT" | "UPDATE_AGENT_DISK" | "UPDATE_AGENT_IDLE" | "UPDATE_AGENT_FOR_FEW" | "UPDATE_AGENT_OVERLOADED" | "UPDATE_AGENTS_EXCESSIVE" | "UPDATE_AGENTS_LOOP" | "UPDATE_AGENTS_CHAIN" | "SOURCE_FAILING" | "SOURCE_REJECTED" | "RANGE_EMPTY" | "ENTRY_SERVES_NOBODY" | "AGENTS_UNMATCHED" | "AGENTS_WITHOUT_SOURCE";
                            entry: number | null;
                            field: string;
                            /** @enum {unknown} */
                            level: "error" | "warning";
                            message: string;
                            remedy: string;
                        }[];
                        uses: {
                            first: number;
                            near: number;
                        }[] | null;
                    };
                };
            };
            /** @description BODY_INVALID */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getSourceListFindings: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        findings: {
                            /** @enum {unknown} */
                            code: "FIELD_INVALID" | "TOO_MANY_ENTRIES" | "FIELD_UNKNOWN" | "FIELD_REPEATED" | "REQUIRES_LACKING" | "REQUIRES_IDLE" | "STANDARD_WITH_ENTRIES" | "LEADS_NOWHERE" | "ENTRY_REPEATED" | "ENTRY_SHADOWED" | "ENTRY_OVERLAPS" | "EXCEPTION_IDLE" | "ENTRY_EXCEPTED" | "HOST_UNRESOLVED" | "UPDATE_AGENT_UNKNOWN" | "UPDATE_AGENT_WITHOUT_ROLE" | "UPDATE_AGENT_WITHOUT_KINDS" | "UPDATE_AGENT_SILENT" | "UPDATE_AGENT_DISK" | "UPDATE_AGENT_IDLE" | "UPDATE_AGENT_FOR_FEW" | "UPDATE_AGENT_OVERLOADED" | "UPDATE_AGENTS_EXCESSIVE" | "UPDATE_AGENTS_LOOP" | "UPDATE_AGENTS_CHAIN" | "SOURCE_FAILING" | "SOURCE_REJECTED" | "RANGE_EMPTY" | "ENTRY_SERVES_NOBODY" | "AGENTS_UNMATCHED" | "AGENTS_WITHOUT_SOURCE";
                            entry: number | null;
                            field: string;
                            /** @enum {unknown} */
                            level: "error" | "warning";
                            message: string;
                            remedy: string;
                        }[];
                        version: number;
                    };
                };
            };
            /** @description UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listSourceListVersions: {
        parameters: {
            query?: {
                cursor?: string;
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        items: {
                            author: string;
                            createdAt: number;
                            note: string;
                            publishedAt: number | null;
                            version: number;
                        }[];
                        next: string | null;
                        total: number;
                    };
                };
            };
            /** @description PARAMETER_INVALID */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getSourceListVersion: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                version: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        author: string;
                        createdAt: number;
                        effect: unknown;
                        list: {
                            [key: string]: unknown;
                        };
                        note: string;
                        publishedAt: number | null;
                        version: number;
                    };
                };
            };
            /** @description PARAMETER_INVALID */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    diffSourceListVersions: {
        parameters: {
            query?: {
                to?: number;
            };
            header?: never;
            path: {
                version: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        entries: {
                            after: unknown;
                            before: unknown;
                            from: number | null;
                            kinds: ("added" | "removed" | "changed" | "moved")[];
                            to: number | null;
                        }[];
                        fields: {
                            after: unknown;
                            before: unknown;
                            field: string;
                        }[];
                        from: number;
                        to: number;
                    };
                };
            };
            /** @description PARAMETER_INVALID */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    restoreSourceList: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                version: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        effect: {
                            after: {
                                agents: number;
                                sources: {
                                    agents: number;
                                    kinds: {
                                        [key: string]: number;
                                    };
                                    name: string;
                                }[];
                                uncovered: {
                                    [key: string]: number;
                                };
                                unmatched: number;
                            };
                            before: {
                                agents: number;
                                sources: {
                                    agents: number;
                                    kinds: {
                                        [key: string]: number;
                                    };
                                    name: string;
                                }[];
                                uncovered: {
                                    [key: string]: number;
                                };
                                unmatched: number;
                            };
                            moved: {
                                agents: number;
                                from: string | null;
                                to: string | null;
                            }[];
                        } | null;
                        findings: {
                            /** @enum {unknown} */
                            code: "FIELD_INVALID" | "TOO_MANY_ENTRIES" | "FIELD_UNKNOWN" | "FIELD_REPEATED" | "REQUIRES_LACKING" | "REQUIRES_IDLE" | "STANDARD_WITH_ENTRIES" | "LEADS_NOWHERE" | "ENTRY_REPEATED" | "ENTRY_SHADOWED" | "ENTRY_OVERLAPS" | "EXCEPTION_IDLE" | "ENTRY_EXCEPTED" | "HOST_UNRESOLVED" | "UPDATE_AGENT_UNKNOWN" | "UPDATE_AGENT_WITHOUT_ROLE" | "UPDATE_AGENT_WITHOUT_KINDS" | "UPDATE_AGENT_SILENT" | "UPDATE_AGENT_DISK" | "UPDATE_AGENT_IDLE" | "UPDATE_AGENT_FOR_FEW" | "UPDATE_AGENT_OVERLOADED" | "UPDATE_AGENTS_EXCESSIVE" | "UPDATE_AGENTS_LOOP" | "UPDATE_AGENTS_CHAIN" | "SOURCE_FAILING" | "SOURCE_REJECTED" | "RANGE_EMPTY" | "ENTRY_SERVES_NOBODY" | "AGENTS_UNMATCHED" | "AGENTS_WITHOUT_SOURCE";
                            entry: number | null;
                            field: string;
                            /** @enum {unknown} */
                            level: "error" | "warning";
                            message: string;
                            remedy: string;
                        }[];
                        version: number;
                    };
                };
            };
            /** @description READ_ONLY */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description REFUSED */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listSuggestions: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        items: {
                            agent: {
                                id: string;
                                name: string;
                            };
                            entries: number[];
                            entry: {
                                kinds: ("settings" | "components" | "programs")[];
                                name: string;
                                range: string;
                                url: string;
                            } | null;
                            id: string;
                            /** @enum {unknown} */
                            kind: "add" | "split" | "move" | "remove";
                            network: string | null;
                            reason: string;
                            saves: number;
                        }[];
                    };
                };
            };
            /** @description UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    acceptSuggestion: {
        parameters: {
            query?: never;
            header: {
                "If-Match": string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "agent": "some-agent"
                 *     }
                 */
                "application/json": {
                    agent: string;
                };
            };
        };
        responses: {
            /** @description done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        effect: {
                            after: {
                                agents: number;
                                sources: {
                                    agents: number;
                                    kinds: {
                                        [key: string]: number;
                                    };
                                    name: string;
                                }[];
                                uncovered: {
                                    [key: string]: number;
                                };
                                unmatched: number;
                            };
                            before: {
                                agents: number;
                                sources: {
                                    agents: number;
                                    kinds: {
                                        [key: string]: number;
                                    };
                                    name: string;
                                }[];
                                uncovered: {
                                    [key: string]: number;
                                };
                                unmatched: number;
                            };
                            moved: {
                                agents: number;
                                from: string | null;
                                to: string | null;
                            }[];
                        } | null;
                        findings: {
                            /** @enum {unknown} */
                            code: "FIELD_INVALID" | "TOO_MANY_ENTRIES" | "FIELD_UNKNOWN" | "FIELD_REPEATED" | "REQUIRES_LACKING" | "REQUIRES_IDLE" | "STANDARD_WITH_ENTRIES" | "LEADS_NOWHERE" | "ENTRY_REPEATED" | "ENTRY_SHADOWED" | "ENTRY_OVERLAPS" | "EXCEPTION_IDLE" | "ENTRY_EXCEPTED" | "HOST_UNRESOLVED" | "UPDATE_AGENT_UNKNOWN" | "UPDATE_AGENT_WITHOUT_ROLE" | "UPDATE_AGENT_WITHOUT_KINDS" | "UPDATE_AGENT_SILENT" | "UPDATE_AGENT_DISK" | "UPDATE_AGENT_IDLE" | "UPDATE_AGENT_FOR_FEW" | "UPDATE_AGENT_OVERLOADED" | "UPDATE_AGENTS_EXCESSIVE" | "UPDATE_AGENTS_LOOP" | "UPDATE_AGENTS_CHAIN" | "SOURCE_FAILING" | "SOURCE_REJECTED" | "RANGE_EMPTY" | "ENTRY_SERVES_NOBODY" | "AGENTS_UNMATCHED" | "AGENTS_WITHOUT_SOURCE";
                            entry: number | null;
                            field: string;
                            /** @enum {unknown} */
                            level: "error" | "warning";
                            message: string;
                            remedy: string;
                        }[];
                        version: number;
                    };
                };
            };
            /** @description BODY_INVALID, PARAMETER_INVALID */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description CONFLICT */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description CHANGED_MEANWHILE */
            412: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description REFUSED */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description IF_MATCH_MISSING */
            428: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    dismissSuggestion: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description PARAMETER_INVALID */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listTraffic: {
        parameters: {
            query?: {
                from?: number;
                to?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        items: {
                            agent: string | null;
                            attempts: number;
                            bytes: number;
                            failed: number;
                            hour: number;
                            source: string;
                            wasted: number;
                        }[];
                    };
                };
            };
            /** @description PARAMETER_INVALID */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description REFUSED */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getUncovered: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        agents: number;
                        more: number;
                        networks: {
                            agents: number;
                            network: string;
                            some: string[];
                        }[];
                        withoutAddress: number;
                    };
                };
            };
            /** @description UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listUpdateAgents: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        items: {
                            addresses: string[];
                            byHand: ("settings" | "components" | "programs")[];
                            byPolicies: {
                                id: string;
                                kinds: ("settings" | "components" | "programs")[];
                                name: string;
                            }[];
                            hostName: string | null;
                            id: string;
                            kinds: ("settings" | "components" | "programs")[];
                            lostAt: number | null;
                            name: string;
                            port: number | null;
                            resolves: boolean | null;
                        }[];
                    };
                };
            };
        };
    };
    listUsers: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        items: {
                            createdAt: number;
                            disabledAt: number | null;
                            factorAt: number | null;
                            id: string;
                            name: string;
                            openId: string | null;
                            /** @enum {unknown} */
                            role: "viewer" | "operator" | "administrator";
                        }[];
                    };
                };
            };
        };
    };
    createUser: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "user": "grace",
                 *       "password": "staple paper clip",
                 *       "role": "viewer"
                 *     }
                 */
                "application/json": {
                    password: string;
                    /** @enum {unknown} */
                    role: "viewer" | "operator" | "administrator";
                    user: string;
                };
            };
        };
        responses: {
            /** @description done */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        createdAt: number;
                        disabledAt: number | null;
                        factorAt: number | null;
                        id: string;
                        name: string;
                        openId: string | null;
                        /** @enum {unknown} */
                        role: "viewer" | "operator" | "administrator";
                    };
                };
            };
            /** @description BODY_INVALID */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_ALLOWED */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description CONFLICT */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description REFUSED */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteUser: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description PARAMETER_INVALID */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_ALLOWED */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description CONFLICT */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    changeUser: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "role": "operator"
                 *     }
                 */
                "application/json": {
                    disabled?: boolean;
                    /** @enum {unknown} */
                    role?: "viewer" | "operator" | "administrator";
                };
            };
        };
        responses: {
            /** @description done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        createdAt: number;
                        disabledAt: number | null;
                        factorAt: number | null;
                        id: string;
                        name: string;
                        openId: string | null;
                        /** @enum {unknown} */
                        role: "viewer" | "operator" | "administrator";
                    };
                };
            };
            /** @description BODY_INVALID, PARAMETER_INVALID */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_ALLOWED */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description CONFLICT */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description REFUSED */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    resetSecondFactor: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description PARAMETER_INVALID */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_ALLOWED */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listSessionsOfUser: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        items: {
                            address: string;
                            agent: string;
                            createdAt: number;
                            expiresAt: number;
                            id: string;
                            seenAt: number;
                        }[];
                    };
                };
            };
            /** @description PARAMETER_INVALID */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    endSessionsOfUser: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description PARAMETER_INVALID */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    endSessionOfUser: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
                session: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description PARAMETER_INVALID */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listWebhooks: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        items: {
                            createdAt: number;
                            createdBy: string;
                            disabledAt: number | null;
                            disabledReason: string | null;
                            dropped: number;
                            droppedLast: number | null;
                            droppedSince: number | null;
                            events: ("agent.cloned" | "agent.doubled" | "agents.outdated" | "agents.recovered" | "expiry.ahead" | "expiry.renewed" | "limit.reached" | "mirror.late" | "mirror.recovered" | "networks.covered" | "networks.uncovered" | "notification.failed" | "release.halted" | "release.resumed" | "sign_in.locked" | "source.recovered" | "source.rejected" | "webhook.test")[];
                            failingSince: number | null;
                            id: string;
                            name: string;
                            url: string;
                        }[];
                    };
                };
            };
        };
    };
    createWebhook: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "name": "the chat",
                 *       "url": "https://chat.example/hooks/1",
                 *       "events": [
                 *         "release.halted"
                 *       ]
                 *     }
                 */
                "application/json": {
                    events?: ("agent.cloned" | "agent.doubled" | "agents.outdated" | "agents.recovered" | "expiry.ahead" | "expiry.renewed" | "limit.reached" | "mirror.late" | "mirror.recovered" | "networks.covered" | "networks.uncovered" | "notification.failed" | "release.halted" | "release.resumed" | "sign_in.locked" | "source.recovered" | "source.rejected" | "webhook.test")[];
                    name: string;
                    url: string;
                };
            };
        };
        responses: {
            /** @description done */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        createdAt: number;
                        createdBy: string;
                        disabledAt: number | null;
                        disabledReason: string | null;
                        dropped: number;
                        droppedLast: number | null;
                        droppedSince: number | null;
                        events: ("agent.cloned" | "agent.doubled" | "agents.outdated" | "agents.recovered" | "expiry.ahead" | "expiry.renewed" | "limit.reached" | "mirror.late" | "mirror.recovered" | "networks.covered" | "networks.uncovered" | "notification.failed" | "release.halted" | "release.resumed" | "sign_in.locked" | "source.recovered" | "source.rejected" | "webhook.test")[];
                        failingSince: number | null;
                        id: string;
                        name: string;
                        secret: string;
                        url: string;
                    };
                };
            };
            /** @description BODY_INVALID */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description CONFLICT */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description REFUSED */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteWebhook: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description PARAMETER_INVALID */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    changeWebhook: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "enabled": true
                 *     }
                 */
                "application/json": {
                    enabled?: boolean;
                    events?: ("agent.cloned" | "agent.doubled" | "agents.outdated" | "agents.recovered" | "expiry.ahead" | "expiry.renewed" | "limit.reached" | "mirror.late" | "mirror.recovered" | "networks.covered" | "networks.uncovered" | "notification.failed" | "release.halted" | "release.resumed" | "sign_in.locked" | "source.recovered" | "source.rejected" | "webhook.test")[];
                    name?: string;
                    url?: string;
                };
            };
        };
        responses: {
            /** @description done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        createdAt: number;
                        createdBy: string;
                        disabledAt: number | null;
                        disabledReason: string | null;
                        dropped: number;
                        droppedLast: number | null;
                        droppedSince: number | null;
                        events: ("agent.cloned" | "agent.doubled" | "agents.outdated" | "agents.recovered" | "expiry.ahead" | "expiry.renewed" | "limit.reached" | "mirror.late" | "mirror.recovered" | "networks.covered" | "networks.uncovered" | "notification.failed" | "release.halted" | "release.resumed" | "sign_in.locked" | "source.recovered" | "source.rejected" | "webhook.test")[];
                        failingSince: number | null;
                        id: string;
                        name: string;
                        url: string;
                    };
                };
            };
            /** @description PARAMETER_INVALID, BODY_INVALID */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description REFUSED */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listWebhookDeliveries: {
        parameters: {
            query?: {
                cursor?: string;
                limit?: number;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        items: {
                            attempts: number;
                            code: string | null;
                            endedAt: number | null;
                            eventId: string;
                            nextAt: number | null;
                            raisedAt: number;
                            /** @enum {unknown} */
                            state: "waiting" | "delivered" | "failed";
                            subject: string;
                            /** @enum {unknown} */
                            type: "agent.cloned" | "agent.doubled" | "agents.outdated" | "agents.recovered" | "expiry.ahead" | "expiry.renewed" | "limit.reached" | "mirror.late" | "mirror.recovered" | "networks.covered" | "networks.uncovered" | "notification.failed" | "release.halted" | "release.resumed" | "sign_in.locked" | "source.recovered" | "source.rejected" | "webhook.test";
                        }[];
                        next: string | null;
                        total: number;
                    };
                };
            };
            /** @description PARAMETER_INVALID */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    renewWebhookSecret: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        secret: string;
                    };
                };
            };
            /** @description PARAMETER_INVALID */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    testWebhook: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        attempts: number;
                        code: string | null;
                        endedAt: number | null;
                        eventId: string;
                        nextAt: number | null;
                        raisedAt: number;
                        /** @enum {unknown} */
                        state: "waiting" | "delivered" | "failed";
                        subject: string;
                        /** @enum {unknown} */
                        type: "agent.cloned" | "agent.doubled" | "agents.outdated" | "agents.recovered" | "expiry.ahead" | "expiry.renewed" | "limit.reached" | "mirror.late" | "mirror.recovered" | "networks.covered" | "networks.uncovered" | "notification.failed" | "release.halted" | "release.resumed" | "sign_in.locked" | "source.recovered" | "source.rejected" | "webhook.test";
                    };
                };
            };
            /** @description PARAMETER_INVALID */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description CONFLICT */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    whatIf: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "without": [
                 *         "server"
                 *       ],
                 *       "address": "10.1.2.3"
                 *     }
                 */
                "application/json": {
                    address?: string;
                    agent?: string;
                    dnsSuffixes?: string[];
                    domain?: string;
                    list?: {
                        [key: string]: unknown;
                    };
                    policy?: {
                        domains: string[];
                        settings: {
                            [key: string]: unknown;
                        };
                    };
                    without?: string[];
                };
            };
        };
        responses: {
            /** @description done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        effect: {
                            after: {
                                agents: number;
                                sources: {
                                    agents: number;
                                    kinds: {
                                        [key: string]: number;
                                    };
                                    name: string;
                                }[];
                                uncovered: {
                                    [key: string]: number;
                                };
                                unmatched: number;
                            };
                            before: {
                                agents: number;
                                sources: {
                                    agents: number;
                                    kinds: {
                                        [key: string]: number;
                                    };
                                    name: string;
                                }[];
                                uncovered: {
                                    [key: string]: number;
                                };
                                unmatched: number;
                            };
                            moved: {
                                agents: number;
                                from: string | null;
                                to: string | null;
                            }[];
                        } | null;
                        findings: {
                            /** @enum {unknown} */
                            code: "FIELD_INVALID" | "TOO_MANY_ENTRIES" | "FIELD_UNKNOWN" | "FIELD_REPEATED" | "REQUIRES_LACKING" | "REQUIRES_IDLE" | "STANDARD_WITH_ENTRIES" | "LEADS_NOWHERE" | "ENTRY_REPEATED" | "ENTRY_SHADOWED" | "ENTRY_OVERLAPS" | "EXCEPTION_IDLE" | "ENTRY_EXCEPTED" | "HOST_UNRESOLVED" | "UPDATE_AGENT_UNKNOWN" | "UPDATE_AGENT_WITHOUT_ROLE" | "UPDATE_AGENT_WITHOUT_KINDS" | "UPDATE_AGENT_SILENT" | "UPDATE_AGENT_DISK" | "UPDATE_AGENT_IDLE" | "UPDATE_AGENT_FOR_FEW" | "UPDATE_AGENT_OVERLOADED" | "UPDATE_AGENTS_EXCESSIVE" | "UPDATE_AGENTS_LOOP" | "UPDATE_AGENTS_CHAIN" | "SOURCE_FAILING" | "SOURCE_REJECTED" | "RANGE_EMPTY" | "ENTRY_SERVES_NOBODY" | "AGENTS_UNMATCHED" | "AGENTS_WITHOUT_SOURCE";
                            entry: number | null;
                            field: string;
                            /** @enum {unknown} */
                            level: "error" | "warning";
                            message: string;
                            remedy: string;
                        }[];
                        order: {
                            skipped: unknown[];
                            steps: unknown[];
                            uncovered: string[];
                        } | null;
                    };
                };
            };
            /** @description BODY_INVALID */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description REFUSED */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
}
