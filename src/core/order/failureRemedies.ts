import type { FailureCode } from "./failureWords.ts";

/** Remedies for a source that cannot be used, by the code of its failure: what to look at first, and where. */
export const FAILURE_REMEDIES: Record<FailureCode, string> = {
  DNS_NOT_FOUND: "correct the host name in the source list, give it a record in DNS, or connect by address",
  DNS_NO_ADDRESS: "give the host name an A or AAAA record, or connect by address",
  DNS_SERVER_FAILURE: "look at the DNS server, or name another in dns.servers",
  DNS_TIMEOUT: "let this machine reach its DNS servers (port 53, UDP and TCP), or name others in dns.servers",
  DNS_MALFORMED: "look for a program that forges or filters DNS on the way",
  CONNECTION_REFUSED:
    "start the Update Agent or server there, and compare its port with the one of the source list",
  CONNECTION_TIMEOUT:
    "let the firewalls between here and there pass its port; look whether that machine is on",
  CONNECTION_RESET: "look for a firewall or filter on the way that breaks connections off",
  CONNECTION_FAILED: "look at the network between here and there",
  HOST_UNREACHABLE: "look at the routes of this machine, and at its network",
  ADDRESS_REFUSED:
    "look why this name leads to a more private network than it should, and correct its record",
  SOURCE_IS_SELF: "nothing: an agent passes over itself",
  TLS_CERTIFICATE: "renew the certificate there, or name its authority in http.ca",
  TLS_FAILED: "look whether the source speaks TLS at this port, and which versions",
  PROXY_FAILED: "look at the proxy, and at http.proxy of the configuration",
  RESPONSE_TIMEOUT: "look at the load of that machine, and for a filter on the way that holds answers back",
  HTTP_PROTOCOL: "look whether another program listens at this port",
  HTTP_STATUS: "look whether another program or a filter answers at this address",
  HTTP_FORBIDDEN: "look whether a filter or the source's access rules refuse this machine",
  HTTP_NOT_FOUND:
    "correct the address in the source list; an Update Agent answers so for kinds that it was not granted",
  HTTP_SERVER_ERROR: "look at the log of the source",
  SOURCE_BUSY: "wait: it is full or filling; where it often is, add an Update Agent",
  REDIRECT_REFUSED: "write the address that it leads to into the source list",
  ENCODING_REFUSED: "look for a filter on the way that changes answers",
  RANGE_INVALID: "look for a filter or cache on the way that changes answers",
  STALLED: "look at the link between here and there",
  TOO_SLOW: "look at the link between here and there, and at http.minRate of the configuration",
  TRUNCATED: "look for a filter on the way that cuts answers off",
  LENGTH_MISMATCH: "look at the disk of the source, and for a filter on the way; nothing of it was installed",
  HASH_MISMATCH: "look at the disk of the source, and for a filter on the way; nothing of it was installed",
  METADATA_TOO_LARGE: "look whether this address is a repository; a filter may answer in its place",
  METADATA_MALFORMED: "look whether this address is a repository; a filter may answer in its place",
  METADATA_MISMATCH: "have the source fetched anew: its files are not of one publication",
  METADATA_OLDER: "look why the source is behind: what it mirrors, and when it last could",
  METADATA_EXPIRED: "look why the source is behind; where all are, the publisher has to sign anew",
  SIGNATURE_INVALID:
    "compare roots.* of the configuration with the publisher's root; else take this for an attack",
  MANIFEST_INVALID: "tell the publisher: what was signed is wrong",
  RELEASE_UNAVAILABLE: "look why the source is behind, or lift the hold",
  NOT_OFFERED: "look which kinds the source is granted or declares",
  DELTA_FAILED: "nothing: the whole file is fetched in its place",
  SOURCE_LIST_INVALID: "correct the source list at the server; the last good one stays in force",
  POLICY_INVALID: "correct the policy at the server; the last good one stays in force",
  SETTINGS_INVALID: "correct the settings at the server; the last good ones stay in force",
};
