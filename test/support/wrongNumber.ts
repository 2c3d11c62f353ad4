const ONE =
  "agent|change|day|error|file|hour|item|kind|machine|minute|network|other|release|second|site|source|step|thing|time|token|version|warning";

/** `1 agents`, `2 agent`, `1 of 3 agents have`: a count beside a word of the wrong number. */
export const WRONG_NUMBER = new RegExp(
  `\\b1 (the |other |more )?((${ONE})s|entries|agents? (have|are|were|do))\\b|\\b1 of \\d+ \\w+ (have|are|were|do)\\b|\\b[02] (${ONE}|entry)\\b`,
);
