import type { Body } from "../api/bodies.ts";

type Report = Pick<Body<"getReport">, "lines">;
export type Line = Report["lines"][number];

/** A box of the picture; x and y are its upper left corner. */
export interface Box {
  id: string;
  x: number;
  y: number;
  width: number;
  height: number;
  title: string;
  line: Line | undefined;
  /** A part of its limit, between 0 and 1; undefined where it has none. */
  load: number | undefined;
}

/** A way that bytes go. */
export interface Way {
  id: string;
  path: string;
  width: number;
  /** `far` crosses a link between sites; `near` is from an Update Agent, wherever that is. */
  tone: "far" | "near";
  bytes: number;
  /** Place of its label. */
  x: number;
  y: number;
}

export interface Picture {
  width: number;
  height: number;
  boxes: Box[];
  ways: Way[];
}

const COLUMNS = { vendor: 12, server: 210, relay: 430, agents: 720 };
const BOX = { width: 170, height: 60 };
const ROW = 84;
const TOP = 16;
/** Widths (px) of the thinnest and the thickest way. */
const THINNEST = 1.2;
const THICKEST = 22;

/**
 * Lays the fleet out: the vendor, the server, the sources near the agents, and the agents of each. Width is
 * bytes. The more lines there are, the higher the picture; nothing overlaps.
 */
export function pictureLayout({ lines }: Report): Picture {
  const near = lines.filter(({ kind }) => kind === "update-agent" || kind === "url");
  const server = lines.find(({ kind }) => kind === "server");
  const vendor = lines.find(({ kind }) => kind === "active-update");
  const rows = [
    ...near,
    ...[server, vendor].filter((line) => line !== undefined && line.agents + line.bytes > 0),
  ];
  const height = TOP * 2 + Math.max(1, rows.length) * ROW;
  const middle = (height - BOX.height) / 2;
  const most = Math.max(1, ...lines.map(({ bytes }) => bytes));
  const serverBox = box("server", COLUMNS.server, middle, "Server", server);
  const vendorBox = box("vendor", COLUMNS.vendor, middle, "ActiveUpdate", vendor);
  const boxes = [vendorBox, serverBox];
  const ways: Way[] = [way("mirror", vendorBox, serverBox, { bytes: 0, most, tone: "far" })];
  for (const [index, line] of rows.entries()) {
    if (line === undefined) continue;
    const y = TOP + index * ROW;
    const agents = box(`agents ${line.source}`, COLUMNS.agents, y, "", line);
    boxes.push(agents);
    if (line === server || line === vendor) {
      const from = line === server ? serverBox : vendorBox;
      ways.push(around(`direct ${line.source}`, from, agents, { bytes: line.bytes, most, tone: "far" }));
      continue;
    }
    const relay = box(`relay ${line.source}`, COLUMNS.relay, y, line.source, line);
    boxes.push(relay);
    const source = line.kind === "url" ? vendorBox : serverBox;
    if (line.kind === "update-agent")
      ways.push(way(`fill ${line.source}`, source, relay, { bytes: 0, most, tone: "far" }));
    const tone = line.kind === "update-agent" ? "near" : "far";
    ways.push(way(`serve ${line.source}`, relay, agents, { bytes: line.bytes, most, tone }));
  }
  return { width: COLUMNS.agents + BOX.width + 12, height, boxes, ways };
}

function box(id: string, x: number, y: number, title: string, line: Line | undefined): Box {
  const load = line?.limit == null || line.limit === 0 ? undefined : Math.min(1, line.agents / line.limit);
  return { id, x, y, ...BOX, title, line, load };
}

/** A way below the sources that it passes by: down from its box, then across. */
function around(
  id: string,
  from: Box,
  to: Box,
  given: { bytes: number; most: number; tone: Way["tone"] },
): Way {
  const [x, top] = [from.x + from.width / 2, from.y + from.height];
  const y = to.y + to.height / 2;
  const turn = Math.min(24, Math.max(0, y - top));
  const straight = `M${from.x + from.width} ${y}H${to.x}`;
  const below = `M${x} ${top}V${y - turn}Q${x} ${y} ${x + turn} ${y}H${to.x}`;
  return { ...way(id, from, to, given), path: y <= top ? straight : below, x: (x + to.x) / 2 + turn, y };
}

function way(
  id: string,
  from: Box,
  to: Box,
  { bytes, most, tone }: { bytes: number; most: number; tone: Way["tone"] },
): Way {
  const [x1, y1] = [from.x + from.width, from.y + from.height / 2];
  const [x2, y2] = [to.x, to.y + to.height / 2];
  const bend = (x2 - x1) / 2;
  const path = `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
  const width = bytes === 0 ? THINNEST : Math.max(THINNEST, (bytes / most) * THICKEST);
  return { id, path, width, tone, bytes, x: x1 + bend, y: (y1 + y2) / 2 };
}
