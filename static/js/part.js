// Keeps a part of the page as the server renders it now: one request at a time, never more often than it is worth.
import { showCopyButtons } from "./copy.js";
import { tick } from "./clock.js";
import { fetchPart, nodesOf } from "./server.js";

const LEAST_APART = 250;
const TIMES_ITS_COST = 8; // a slow server is asked less often

export class LivePart {
  #asked = false;
  #busy = false;

  constructor(holder, part, { url = location.href, onChange = () => {} } = {}) {
    Object.assign(this, { holder, part, url, onChange });
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
      await new Promise((done) => setTimeout(done, Math.max(LEAST_APART, cost * TIMES_ITS_COST)));
    }
    this.#busy = false;
  }

  async #load() {
    let html;
    try {
      html = await fetchPart(this.url, this.part);
    } catch {
      return; // the next change, or the socket's return, asks again
    }
    const focused = this.#focusKey();
    this.holder.replaceChildren(nodesOf(html));
    if (focused) this.holder.querySelector(focused)?.focus();
    showCopyButtons(this.holder);
    tick();
    this.onChange(this.holder);
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
