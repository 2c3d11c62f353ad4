const ROLES: Record<string, string> = {
  TABLE: "table",
  THEAD: "rowgroup",
  TBODY: "rowgroup",
  TFOOT: "rowgroup",
  TR: "row",
  TD: "cell",
};

/**
 * Keeps a table a table for a screen reader where CSS shows it as a list, rows that come later included; and
 * makes what scrolls sideways a tab stop, only while it does. For `{@attach}` on the box around the table.
 */
export function tableRoles(box: HTMLElement): () => void {
  const write = () => {
    for (const each of box.querySelectorAll("table.cards, table.cards *")) {
      const { nodeName } = each;
      const ofHead = each.getAttribute("scope") === "col" ? "columnheader" : "rowheader";
      const role = nodeName === "TH" ? ofHead : ROLES[nodeName];
      if (role !== undefined && each.getAttribute("role") !== role) each.setAttribute("role", role);
    }
  };
  const scrolls = () => {
    if (box.scrollWidth > box.clientWidth + 1) box.setAttribute("tabindex", "0");
    else box.removeAttribute("tabindex");
  };
  write();
  const rows = new MutationObserver(write);
  rows.observe(box, { childList: true, subtree: true });
  const size = new ResizeObserver(scrolls);
  size.observe(box);
  return () => {
    rows.disconnect();
    size.disconnect();
  };
}
