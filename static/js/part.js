// Keeps a part of the page as the server renders it now: one request at a time, never more often than it is worth.
import { showCopyButtons } from "./copy.js";
import { tick } from "./clock.js";
import { fetchPart, nodesOf, Refusal } from "./server.js";

const LEAST_APART = 250;
const LONGEST_APART = 3000; // a connection that was frozen for long is no slow server
const AFTER_LOSS = 2000;
const TIMES_ITS_COST = 8; // a slow server is asked less often

export class LivePart {
  #asked = false;
  #busy = false;

  // `place` puts what came into the page; without it, it takes the place of all that the holder holds.
  constructor(holder, part, { url = location.href, onChange = () => {}, place } = {}) {
    Object.assign(this, { holder, part, url, onChange });
    this.place = place ?? ((nodes) => this.#replace(nodes));
  }

  async refresh() {
    this.#asked = true;
    if (this.#busy) return;
    this.#busy = true;
    while (this.#asked) {
      this.#asked = false;
      const began = performance.now();
      await this.#load();
      const cost = performance.now() - began;
      const pause = this.#asked ? AFTER_LOSS : cost * TIMES_ITS_COST;
      await new Promise((done) => setTimeout(done, Math.min(Math.max(LEAST_APART, pause), LONGEST_APART)));
    }
    this.#busy = false;
  }

  async #load() {
    let html;
    try {
      html = await fetchPart(this.url, this.part);
    } catch (error) {
      this.#asked ||= !(error instanceof Refusal); // the line was cut: ask once more
      return;
    }
    await this.place(nodesOf(html));
    showCopyButtons(this.holder);
    tick();
    this.onChange(this.holder);
  }

  #replace(nodes) {
    const focused = this.#focusKey();
    this.holder.replaceChildren(nodes);
    if (focused) this.holder.querySelector(focused)?.focus();
  }

  // What had the focus keeps it, although its element is a new one.
  #focusKey() {
    const own = this.holder.contains(document.activeElement) ? document.activeElement : null;
    if (!own) return "";
    for (const name of ["action", "vertex", "step"]) {
      if (own.dataset[name]) return `[data-${name}="${CSS.escape(own.dataset[name])}"]`;
    }
    return own.id ? `#${CSS.escape(own.id)}` : "";
  }
}
