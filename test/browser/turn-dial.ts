/** What a hand does to the explorer's dials, and what its bars show then. */
import type { Page } from "playwright-core";

/** Sets a dial, by its id, and reads the policy's bars some frames later. */
export function turnDial(page: Page, id: string, value: number): Promise<{ id: number; share: number }[]> {
  return page.evaluate(`(async () => {
    const dial = document.querySelector("#${id}");
    dial.value = "${value}";
    dial.dispatchEvent(new Event("input"));
    for (let i = 0; i < 3; i++) await new Promise(requestAnimationFrame);
    return [...document.querySelectorAll("tr[data-id]")].map((row) => ({
      id: Number(row.dataset.id),
      share: Number(row.querySelector("td.policy").dataset.probability),
    }));
  })()`);
}
