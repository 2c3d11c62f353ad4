let isFirst = true;

/** Focuses the heading of a screen that was gone to; the first screen of a page load leaves the focus where it is. */
export function focusOnArrival(heading: HTMLElement): void {
  if (!isFirst) heading.focus({ preventScroll: true });
  if (!isFirst) scrollTo(0, 0);
  isFirst = false;
}

/** Says something to those who do not see it: the page has one place for that. */
export function say(text: string): void {
  const place = document.getElementById("say");
  if (place !== null) place.textContent = text;
}
