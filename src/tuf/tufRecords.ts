/**
 * The records of TUF metadata, read and written in time that grows with their number. @tufjs/models 5.0.2
 * copies a record for each entry that it adds, so 18,000 targets, which a role may have, took it 147 s, also
 * where a source made them up, since metadata is verified only after it is read. Here it is given metadata
 * without these records, and they are put in by their own classes. A root is too small (16 kB) for that to
 * matter.
 *
 * Importing this file does it, once for the process and all users of the package in it.
 */
import { Key, MetaFile, Snapshot, TargetFile, Targets, ValueError } from "@tufjs/models";
import { Delegations } from "@tufjs/models/dist/delegations.js";
import { DelegatedRole } from "@tufjs/models/dist/role.js";

type Json = Parameters<typeof Targets.fromJSON>[0];
type Entry = { toJSON(): Json };
type Records = Record<string, Record<string, Entry>>;

/** A class of the package, as far as it is changed here. */
interface Model {
  fromJSON(json: Json): object;
  prototype: { toJSON(): Json };
}

readEach(Targets, "targets", (path, json) => TargetFile.fromJSON(path, json));
readEach(Snapshot, "meta", (_, json) => MetaFile.fromJSON(json));
readEach(Delegations, "keys", (id, json) => Key.fromJSON(id, json));
readEachRole();

/**
 * Makes `model` read and write its record `field` entry by entry. It refuses by itself a value that is no
 * record.
 */
function readEach(model: Model, field: string, read: (name: string, json: Json) => Entry): void {
  const fromJSON = model.fromJSON.bind(model);
  const { toJSON } = model.prototype;
  model.fromJSON = (json) => {
    const record = json[field];
    if (!isRecordOfObjects(record)) return fromJSON(json);
    const made = fromJSON({ ...json, [field]: {} });
    const entries = Object.entries(record).map(([name, each]) => [name, read(name, each)]);
    return Object.assign(made, { [field]: Object.fromEntries(entries) });
  };
  model.prototype.toJSON = function (this: Records) {
    const entries = Object.entries(this[field] ?? {}).map(([name, each]) => [name, each.toJSON()]);
    const json = toJSON.call(Object.create(this, { [field]: { value: {} } }));
    return { ...json, [field]: Object.fromEntries(entries) };
  };
}

/** Makes `Delegations` read its roles, a list in JSON and a record in memory, one by one. */
function readEachRole(): void {
  const fromJSON = Delegations.fromJSON.bind(Delegations);
  Delegations.fromJSON = (json) => {
    if (!isArrayOfObjects(json.roles)) return fromJSON(json);
    const made = fromJSON({ ...json, roles: [] });
    const roles = json.roles.map((role) => DelegatedRole.fromJSON(role));
    const byName = Object.fromEntries(roles.map((role) => [role.name, role]));
    if (Object.keys(byName).length < roles.length) throw new ValueError("a role is delegated to twice");
    // The constructor refuses the same faults of these as of roles.
    return new Delegations({ ...made, roles: byName });
  };
}

function isArrayOfObjects(value: unknown): value is Json[] {
  return Array.isArray(value) && value.every(isObject);
}

function isRecordOfObjects(value: unknown): value is Record<string, Json> {
  return isObject(value) && Object.values(value).every(isObject);
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
