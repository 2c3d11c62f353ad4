import { figure, type Goal } from "./outcome.ts";

const LABELS = 470;
const BARS = 330;
const FIGURES = 150;
const ROW = 22;
const TOP = 46;
/** End of the axis, as a multiple of the goal; longer bars are cut there, with an arrow. */
const END = 2;

/** An SVG of the goals: the used part of each, with the goal as a line at 1. */
export function goalsPlot(goals: Goal[]): string {
  const height = TOP + goals.length * ROW + 12;
  const width = LABELS + BARS + FIGURES;
  const line = xOf(1);
  const rows = goals.map((goal, index) => rowOf(goal, TOP + index * ROW));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">
<rect width="${width}" height="${height}" fill="#ffffff"/>
<text x="12" y="20" font-size="14" font-weight="bold">What was needed of what each goal allows</text>
${[0, 0.5, 1, 1.5, 2].map(gridLine(height)).join("\n")}
${rows.join("\n")}
<line x1="${line}" y1="${TOP - 6}" x2="${line}" y2="${height - 8}" stroke="#111111" stroke-width="1.5"/>
</svg>
`;
}

function gridLine(height: number): (share: number) => string {
  return (share) => {
    const x = xOf(share);
    const label = share === 1 ? "goal" : `${share} ×`;
    return `<line x1="${x}" y1="${TOP - 6}" x2="${x}" y2="${height - 8}" stroke="#dddddd"/><text x="${x}" y="${TOP - 10}" text-anchor="middle" fill="#555555">${label}</text>`;
  };
}

function rowOf({ name, value, limit, unit }: Goal, y: number): string {
  // A goal without a figure was missed.
  const share = Number.isFinite(value) ? value / limit : Number.POSITIVE_INFINITY;
  const color = share <= 1 ? "#2a7f62" : "#b8433a";
  const end = Math.min(Math.max(share, 0), END);
  const cut = share > END ? `<path d="M ${xOf(END)} ${y + 3} l 7 6 l -7 6 z" fill="${color}"/>` : "";
  const figures = `${figure(value)} ${unit} of ${figure(limit)} ${unit}`;
  return [
    `<text x="${LABELS - 10}" y="${y + 13}" text-anchor="end">${escaped(name)}</text>`,
    `<rect x="${LABELS}" y="${y + 3}" width="${(xOf(end) - LABELS).toFixed(1)}" height="12" fill="${color}"/>${cut}`,
    `<text x="${LABELS + BARS + 12}" y="${y + 13}" fill="#333333">${figures}</text>`,
  ].join("\n");
}

function xOf(share: number): number {
  return Math.round(LABELS + (share / END) * BARS);
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
