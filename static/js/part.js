// Keeps a part of the page as the server renders it now: one request at a time, never more often than it is worth.
import { showCopyButtons } from "./copy.js";
import { tick } from "./clock.js";
import { fetchPart, nodesOf, Refusal } from "./server.js";

const LEAST_APART = 250;
const LONGEST_APART = 3000; // a connection that was frozen for long is no slow server
const AFTER_LOSS = 2000;
const TIMES_ITS_COST = 8; // a slow server is asked less often

const LONGEST_PRESS = 1000;

// What is being pressed must still be there when the finger or the mouse lets go: else the press is lost.
let press = Promise.resolve();
document.addEventListener("pointerdown", () => {
  press = new Promise((done) => {
    for (const end of ["pointerup", "pointercancel"]) document.addEventListener(end, () => setTimeout(done), { once: true });
    setTimeout(done, LONGEST_PRESS);
  });
}, { capture: true });

export class LivePart {
  #asked = new Set(); // what of the part is to be shown anew
  #busy = false;
  #isUrgent = false;
  #endPause = () => {};

  // `place` puts what came into the page and is told what of it was asked for; without it, what came takes the place of
  // all that the holder holds.
  constructor(holder, part, { url = location.href, onChange = () => {}, place } = {}) {
    Object.assign(this, { holder, part, url, onChange });
    this.place = place ?? ((nodes) => exchange(holder, nodes));
  }

  // `atOnce` waits for no pause: what the page shows is known to be over.
  async refresh({ what = this.part, atOnce = false } = {}) {
    this.#asked.add(what);
    if (atOnce) {
      this.#isUrgent = true;
      this.#endPause();
    }
    if (this.#busy) return;
    this.#busy = true;
    while (this.#asked.size) {
      const asked = this.#asked;
      [this.#asked, this.#isUrgent] = [new Set(), false];
      const began = performance.now();
      await this.#load(asked);
      await this.#pause(performance.now() - began);
    }
    this.#busy = false;
  }

  #pause(cost) {
    if (this.#isUrgent) return undefined;
    const pause = this.#asked.size ? AFTER_LOSS : cost * TIMES_ITS_COST;
    return new Promise((done) => {
      this.#endPause = done;
      setTimeout(done, Math.min(Math.max(LEAST_APART, pause), LONGEST_APART));
    });
  }

  async #load(asked) {
    let html;
    try {
      html = await fetchPart(this.url, this.part);
    } catch (error) {
      if (!(error instanceof Refusal)) asked.forEach((what) => this.#asked.add(what)); // the line was cut: ask once more
      return;
    }
    await press;
    const nodes = nodesOf(html);
    showCopyButtons(nodes);
    tick(nodes);
    await this.place(nodes, asked);
    this.onChange(this.holder);
  }
}

// Puts what `from` holds in place of all that `holder` holds. What had the focus keeps it, although its element is a new one; where
// it is gone, the page's title gets the focus, and the next Tab goes on from there.
export function exchange(holder, from) {
  const own = holder.contains(document.activeElement) ? document.activeElement : null;
  const selector = own && selectorOf(own);
  holder.replaceChildren(...from.childNodes);
  if (own) (holder.querySelector(selector) ?? holder.querySelector("h1"))?.focus({ preventScroll: true });
}

function selectorOf(element) {
  const name = ["data-action", "data-vertex", "data-step", "id", "href"].find((one) => element.hasAttribute(one));
  return name ? `[${name}="${CSS.escape(element.getAttribute(name))}"]` : "h1";
}
