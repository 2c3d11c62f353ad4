/**
 * Rows that are dragged by their handles: the row goes where the pointer is, and `drop` has its place among the
 * rows once it is let go. The document stays the framework's: nothing is moved in it here.
 *
 * @param drop called with a row's key and its new place, from 0
 */
export function dragRows(drop: (key: number, to: number) => void): (list: HTMLElement) => () => void {
  return (list) => {
    let held: HTMLElement | undefined;
    const rows = () => [...list.querySelectorAll<HTMLElement>("[data-key]")];

    const take = (event: PointerEvent) => {
      const handle = (event.target as Element).closest<HTMLElement>("[data-handle]");
      if (handle === null || event.button !== 0) return;
      held = handle.closest<HTMLElement>("[data-key]") ?? undefined;
      held?.classList.add("lifted");
      handle.setPointerCapture(event.pointerId);
      event.preventDefault();
    };
    const follow = ({ clientX, clientY }: PointerEvent) => {
      if (held === undefined) return;
      const over = document.elementFromPoint(clientX, clientY)?.closest<HTMLElement>("[data-key]");
      if (over === null || over === undefined || over === held || !list.contains(over)) return;
      const all = rows();
      const [from, to] = [all.indexOf(held), all.indexOf(over)];
      const { top, height } = over.getBoundingClientRect();
      // Past the middle of a row, so that rows of different heights do not swap back and forth.
      const isPast = to > from ? clientY > top + height / 2 : clientY < top + height / 2;
      if (isPast) drop(Number(held.dataset.key), to);
    };
    const leave = () => {
      held?.classList.remove("lifted");
      held = undefined;
    };
    list.addEventListener("pointerdown", take);
    list.addEventListener("pointermove", follow);
    list.addEventListener("pointerup", leave);
    list.addEventListener("pointercancel", leave);
    return () => {
      list.removeEventListener("pointerdown", take);
      list.removeEventListener("pointermove", follow);
      list.removeEventListener("pointerup", leave);
      list.removeEventListener("pointercancel", leave);
    };
  };
}
