const KEY = "theme";

/** The system's light or dark, until somebody chooses. */
export function applyTheme(): void {
  const kept = localStorage.getItem(KEY);
  if (kept !== null) document.documentElement.dataset.theme = kept;
}

/** @returns the theme that is shown from now on */
export function switchTheme(): "light" | "dark" {
  const { dataset } = document.documentElement;
  const isDark =
    dataset.theme === undefined
      ? matchMedia("(prefers-color-scheme: dark)").matches
      : dataset.theme === "dark";
  const next = isDark ? "light" : "dark";
  dataset.theme = next;
  localStorage.setItem(KEY, next);
  return next;
}
