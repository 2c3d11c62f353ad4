import { onDestroy, tick } from "svelte";
import { hrefOf, type Place, placeOf, type ScreenName, type WordsOf } from "./screenLinks.ts";

/** The address in the browser's bar, which is the state of the page. */
class Address {
  #href = $state(location.href);
  /** The screen that is shown; undefined for an address that there is none for. */
  readonly place = $derived<Place | undefined>(placeOf(new URL(this.#href)));
  /** Asked before the page leaves a screen; false stays. */
  mayLeave: (() => boolean) | undefined;

  start(): void {
    addEventListener("popstate", () => {
      this.#href = location.href;
    });
    addEventListener("click", (event) => this.#click(event));
  }

  /** Goes to an address of this page. Focus goes to the heading of another screen (`Page.svelte`). */
  async go(href: string, options: { replace?: boolean } = {}): Promise<void> {
    history[options.replace === true ? "replaceState" : "pushState"](null, "", href);
    this.#href = location.href;
    await tick();
  }

  /** Changes some words of the screen that is shown. */
  async say<Screen extends ScreenName>(screen: Screen, words: Partial<WordsOf<Screen>>): Promise<void> {
    const { place } = this;
    if (place?.screen !== screen) return;
    const href = hrefOf(place.screen, { ...place.words, ...place.params, ...words } as never);
    await this.go(href, { replace: true });
  }

  /** A link of this page is followed without loading the page again. */
  #click(event: MouseEvent): void {
    const link = (event.target as Element).closest("a");
    if (link === null || event.defaultPrevented || event.button !== 0 || isSpecial(event, link)) return;
    const url = new URL(link.href);
    if (url.origin !== location.origin || placeOf(url) === undefined) return;
    event.preventDefault();
    void this.go(url.href);
  }
}

function isSpecial(event: MouseEvent, link: HTMLAnchorElement): boolean {
  const { ctrlKey, metaKey, shiftKey, altKey } = event;
  const isElsewhere = link.target !== "" || link.hasAttribute("download");
  return (
    ctrlKey ||
    metaKey ||
    shiftKey ||
    altKey ||
    isElsewhere ||
    link.getAttribute("href")?.startsWith("#") === true
  );
}

export const address = new Address();

/**
 * The way on from a component once an answer is there. It leads nowhere where the component is gone by then: who
 * went on meanwhile is not taken back. To be called while a component is made.
 */
export function wayOn(): (href: string) => Promise<void> {
  let isHere = true;
  onDestroy(() => {
    isHere = false;
  });
  return async (href) => {
    if (isHere) await address.go(href);
  };
}

/** Words of the screen that is shown, with their types. */
export function wordsOf<Screen extends ScreenName>(_screen: Screen): WordsOf<Screen> {
  return (address.place?.words ?? {}) as WordsOf<Screen>;
}
