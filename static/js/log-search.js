// Search of the whole log, on the server: count, next and previous hit, and the places of all hits alone.
import { fetchJson } from "./server.js";

const PAUSE = 200; // milliseconds without a key before it is searched
const CONTEXT = 2; // lines before and behind a hit, where only the places of hits are shown
const MOST_PLACES = 20000; // of one answer
const AGAIN = 1000; // a log that grows is searched anew no more often than so

export class LogSearch {
  #timer = 0;
  #at = 0; // line of the present hit
  #asked = 0; // counts questions: an answer to an older one is of no use
  #steps = Promise.resolve();
  #isDue = false;
  #total = 0;
  #isFiltered = false;

  // `onHit` is called when a hit is marked.
  constructor(log, { onHit = () => {} } = {}) {
    Object.assign(this, { log, onHit });
    this.url = log.root.dataset.linesUrl.replace(/lines$/, "hits");
    this.form = document.querySelector("[data-log-form]");
    this.part = Object.fromEntries(["search", "found", "position", "hits", "key", "next", "previous", "filter"].map(
      (name) => [name, this.form.querySelector(`[data-log-${name}]`)],
    ));
    this.#total = log.total;
    this.#listen();
  }

  get #text() {
    return this.part.search.value;
  }

  // Searches the whole log for a text, from its first line on.
  find(text) {
    this.part.search.value = text;
    return this.#begin();
  }

  next() {
    return this.#afterwards(() => this.#go({ from: this.#at + 1 }));
  }

  previous() {
    // behind the first hit comes the last one: no line is before line 1
    return this.#afterwards(() => this.#go({ from: this.#at > 1 ? this.#at - 1 : this.log.total + 1, backwards: true }));
  }

  // Keys that are pressed quickly each go one hit further, and none is lost to a search that is under way.
  #afterwards(act) {
    this.#steps = this.#steps.then(act, act);
    return this.#steps;
  }

  async toggleFilter() {
    if (!this.#text) return;
    this.#isFiltered = !this.#isFiltered;
    this.#say();
    const { moves } = this.log;
    if (this.#isFiltered) await this.#filter();
    else await this.log.filter(null);
    if (this.#at && moves === this.log.moves) await this.log.show(this.#at); // else somebody has gone on meanwhile
  }

  // The log has grown: so may have the hits.
  grown(total) {
    if (!this.#text || this.#isDue || total === this.#total) return;
    [this.#isDue, this.#total] = [true, total];
    setTimeout(() => this.#afterwards(async () => {
      this.#isDue = false;
      await this.#ask({ from: Math.max(this.#at, 1) }, { goes: false });
      if (this.#isFiltered) await this.#filter();
    }), AGAIN);
  }

  #listen() {
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#now(() => this.next());
    });
    this.part.search.addEventListener("input", () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#begin(), this.#text ? PAUSE : 0);
    });
    this.part.search.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && event.shiftKey) {
        event.preventDefault();
        this.#now(() => this.previous());
      } else if (event.key === "Escape") {
        event.preventDefault();
        this.part.search.value = "";
        this.#begin();
        this.log.root.focus({ preventScroll: true });
      }
    });
    this.part.next.addEventListener("click", () => this.next());
    this.part.previous.addEventListener("click", () => this.previous());
    this.part.filter.addEventListener("click", () => this.toggleFilter());
    this.log.root.addEventListener("unfiltered", () => {
      this.#isFiltered = false;
      this.#say();
    });
  }

  // What was typed just now and is not searched yet comes first; its first hit is what the key asks for.
  #now(act) {
    if (this.#timer) this.#begin();
    else act();
  }

  async #begin() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#at = 0;
    this.log.highlight(this.#text);
    if (!this.#text) {
      await this.#clear();
      return;
    }
    this.#say({ count: "…" });
    if (this.#isFiltered) await this.#filter();
    await this.#go({ from: 1 });
  }

  async #clear() {
    this.#asked += 1;
    if (this.#isFiltered) await this.log.filter(null);
    this.#isFiltered = false;
    this.#say();
  }

  #go(query) {
    return this.#text ? this.#ask(query, { goes: true }) : undefined;
  }

  async #ask({ from, backwards = false }, { goes }) {
    if (!this.#text) return; // it was ended meanwhile
    this.#asked += 1;
    const asked = this.#asked;
    let found;
    try {
      found = await fetchJson(`${this.url}?${new URLSearchParams({ search: this.#text, from, backwards })}`);
    } catch {
      if (asked === this.#asked) this.#say({ count: "no answer" });
      return;
    }
    if (asked !== this.#asked) return;
    this.#say(found);
    if (!goes) return;
    this.#at = found.n ?? 0;
    if (!this.#at) return;
    this.log.mark(this.#at, this.#at);
    history.replaceState(null, "", `#L${this.#at}`); // the address is that of what is marked
    this.onHit();
    await this.log.show(this.#at);
    this.log.intoSight(); // on a phone the log stands below what is typed in
  }

  async #filter() {
    const search = this.#text;
    if (!search) return;
    let found;
    try {
      found = await fetchJson(`${this.url}?${new URLSearchParams({ search, context: CONTEXT })}`);
    } catch {
      this.log.say("BuildHub does not answer; try again.");
      return;
    }
    if (search !== this.#text) return;
    const isAll = found.ranges.length < MOST_PLACES;
    this.log.say(isAll ? "" : `The first ${MOST_PLACES} places are shown; the count is of all lines.`);
    if (this.#isFiltered) await this.log.filter({ search, context: CONTEXT, ranges: found.ranges });
  }

  #say(found) {
    this.part.found.hidden = !this.#text;
    this.part.key.hidden = Boolean(this.#text);
    this.part.filter.setAttribute("aria-pressed", String(this.#isFiltered));
    if (!found) return;
    this.part.position.textContent = found.position ? `${found.position} of ` : "";
    this.part.hits.textContent = String(found.count);
    this.part.next.disabled = found.count === 0;
    this.part.previous.disabled = found.count === 0;
  }
}
