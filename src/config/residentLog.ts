import { admitLine, noLines } from "../core/lineLimit.ts";
import { humanLine, jsonLine, LEVELS, type Level, type Log, type LogOptions, logBy } from "./log.ts";
import { openLogFile } from "./logFile.ts";

/**
 * The log of a process that stays, with the lines of a run's, but without winston, which would cost memory
 * for good (docs/adr/0013-two-logs.md). Lines that are alike are written a few times a minute, and then
 * counted.
 */
export function openResidentLog(log: LogOptions, level: Level): Log {
  const limit = noLines();
  const say = (severity: Level, message: string, fields?: object) => {
    if (LEVELS[severity] <= LEVELS[level]) process.stderr.write(`${humanLine(severity, message)}\n`);
    if (LEVELS[severity] <= LEVELS[log.level]) file?.append(jsonLine(severity, message, fields));
  };
  const lines = logBy((severity, message, fields) => {
    if (LEVELS[severity] > Math.max(LEVELS[level], LEVELS[log.level])) return;
    const { isAdmitted, before } = admitLine(limit, message, performance.now());
    for (const line of before) say(severity, line);
    if (isAdmitted) say(severity, message, fields);
  });
  const file = openLogFile(log.file, lines.warn);
  return lines;
}
