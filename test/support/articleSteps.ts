import type { Locator, Page } from "playwright-core";

/** Settings > Update Agent Settings, for the one agent that is selected: three ticks, Save. */
export async function tickAllKinds(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Update Agent Settings…" }).click();
  const role = page.getByRole("dialog", { name: "Update Agent Settings" });
  for (const kind of ["Component updates", "Domain settings", "Agent programs and hot fixes"]) {
    await role.getByLabel(kind).check();
  }
  await role.getByRole("button", { name: "Save for 1 agent" }).click();
  await role.waitFor({ state: "detached" });
}

/** Updates > Agents > Update Source > Add…: the form of a new entry, with its range. */
export async function beginEntry(page: Page, range: string): Promise<Locator> {
  await page.getByRole("link", { name: "Update Source", exact: true }).click();
  await page.getByRole("link", { name: "Add…" }).first().click();
  const entry = page.getByRole("dialog", { name: "New entry" });
  await entry.getByLabel("First address, or a prefix").fill(range);
  return entry;
}

/** A new entry for a range, of a holder of the role from the drop-down, by its address. */
export async function addHolder(page: Page, range: string, holder: string): Promise<void> {
  const entry = await beginEntry(page, range);
  await entry.getByLabel("Holder of the role").selectOption(holder);
  await entry.getByRole("radio", { name: /^by its address/ }).check();
  await entry.getByRole("button", { name: "Add entry" }).click();
}
