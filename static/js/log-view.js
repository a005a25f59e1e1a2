// The log: a window of consecutive lines of which the page never holds more than about 2,000. New lines are added
// where the window touches the end; older ones are fetched when they are asked for. Each line stands there once.
import { LineMaker } from "./log-lines.js";
import { fetchJson } from "./server.js";

const MOST = 2000;
const STEP = 500;
const NEAR_END = 96; // pixels
const HEAD = 40; // pixels; the name of an instruction stays on top of its lines

export class LogView {
  #following = false;
  #awaited = 0; // a line that a link asks for and that is not printed yet
  #fetching = Promise.resolve();

  constructor(root) {
    this.root = root;
    this.list = root.querySelector("[data-lines]");
    this.maker = new LineMaker(Number(root.dataset.errorLine ?? 0));
    this.last = Number(root.dataset.lastLine); // newest line that stands in the page
    this.total = Math.max(Number(root.dataset.total), this.last); // newest line that is known of
    this.#listen();
  }

  get first() {
    return Number(this.list.querySelector("[data-line]")?.dataset.line ?? 0);
  }

  get following() {
    return this.#following;
  }

  follow(on) {
    this.#following = on;
    document.querySelector("[data-follow]")?.setAttribute("aria-pressed", String(on));
    if (on) this.#toEnd();
  }

  // Takes in lines of the socket: whatever is there already is passed over, a gap is fetched first.
  take(lines) {
    return this.#inOrder(async () => {
      const told = lines.at(-1)?.n ?? 0;
      const touched = this.last >= this.total || this.#following;
      this.total = Math.max(this.total, told);
      if (!touched || this.#isFull()) return this.#say();
      if (lines.length && lines[0].n > this.last + 1) await this.#fetchAfter(lines[0].n - 1);
      this.#append(lines.filter((line) => line.n > this.last));
      return undefined;
    });
  }

  // Fetches what lies between the page and line `upTo`, for instance after the socket skipped.
  catchUp(upTo = Infinity) {
    return this.#inOrder(() => this.#fetchAfter(upTo));
  }

  // Brings line `n` into the log's own window; the page stays where it is.
  show(n) {
    return this.#inOrder(async () => {
      await this.#load(n, n);
      this.#bring(n);
    });
  }

  // Opens the log at lines `first` to `last` of a link: marked, and in the eye. A line to come is waited for.
  open(first, last) {
    this.maker.mark(first, last);
    return this.#inOrder(async () => {
      this.#paint();
      this.#awaited = this.total < first ? first : 0;
      if (this.#awaited) return;
      await this.#load(first, last);
      this.#bring(first);
      for (const n of [last, first]) this.#lineAt(n)?.scrollIntoView({ block: "nearest" });
    });
  }

  // Takes over how the server shows the log now: its marks, and for one who follows all of it.
  adopt(shown) {
    return this.#inOrder(async () => {
      this.maker.errorLine = Number(shown.dataset.errorLine ?? 0);
      if (!this.#following) return this.#paint();
      this.root.replaceChildren(...shown.childNodes);
      this.list = this.root.querySelector("[data-lines]");
      this.last = Number(shown.dataset.lastLine);
      this.total = Math.max(Number(shown.dataset.total), this.last);
      this.follow(false);
      this.#paint();
      this.#say();
      if (this.maker.errorLine) this.#bring(this.maker.errorLine);
      else this.#toEnd();
      return undefined;
    });
  }

  async #load(first, last) {
    const isLong = last - first > STEP / 2; // what follows a long range's begin stands behind "later lines"
    if (this.#lineAt(first) && (isLong || this.#lineAt(Math.min(last, this.total)))) return;
    await this.#replaceAround(first);
  }

  // Scrolls the log where line `n` is not seen already: it then stands in the upper part.
  #bring(n) {
    const line = this.#lineAt(n);
    if (!line) return;
    this.follow(false);
    const [seen, at] = [this.root.getBoundingClientRect(), line.getBoundingClientRect()];
    if (at.top >= seen.top + HEAD && at.bottom <= seen.bottom) return;
    this.root.scrollTop += at.top - seen.top - this.root.clientHeight / 4;
  }

  #paint() {
    for (const line of this.list.querySelectorAll("[data-line]")) this.maker.paint(line);
  }

  #lineAt(n) {
    return this.list.querySelector(`[data-line="${n}"]`);
  }

  #inOrder(act) {
    this.#fetching = this.#fetching.then(act).catch(() => this.#say());
    return this.#fetching;
  }

  // A reader who scrolled up keeps what is in the page; what comes then waits behind "later lines".
  #isFull() {
    return !this.#following && this.list.childElementCount >= MOST;
  }

  #append(lines) {
    const rows = [];
    let under = this.list.lastElementChild?.dataset.under ?? this.#lastHead();
    for (const line of lines) {
      rows.push(...this.maker.make(line, under));
      under = this.maker.headOf(line);
    }
    this.list.append(...rows);
    if (lines.length) this.last = lines.at(-1).n;
    this.total = Math.max(this.total, this.last);
    if (this.#following) this.#dropFromTop();
    this.#say();
    if (this.#following) this.#toEnd();
    this.#meetAwaited();
  }

  #meetAwaited() {
    const n = this.#awaited;
    if (!n || this.last < n) return;
    this.#awaited = 0;
    this.#bring(n);
    this.#lineAt(n)?.scrollIntoView({ block: "nearest" });
  }

  // Lines may come before the name of their instruction: the heads get it when it is known.
  relabel() {
    for (const head of this.list.querySelectorAll(".log__head")) {
      if (head.dataset.of) head.firstElementChild.textContent = this.maker.headOf({ vertex: head.dataset.of });
    }
    const last = this.list.lastElementChild;
    if (last?.dataset.under) last.dataset.under = this.#lastHead();
  }

  #lastHead() {
    return [...this.list.querySelectorAll(".log__head")].at(-1)?.textContent.trim();
  }

  #prepend(lines) {
    const rows = [];
    let under;
    for (const line of lines) {
      rows.push(...this.maker.make(line, under));
      under = this.maker.headOf(line);
    }
    const before = this.root.scrollHeight;
    this.list.prepend(...rows);
    this.root.scrollTop += this.root.scrollHeight - before;
    while (this.list.childElementCount > MOST) this.list.lastElementChild.remove();
    this.last = Number([...this.list.querySelectorAll("[data-line]")].at(-1)?.dataset.line ?? 0);
    this.#say();
  }

  #dropFromTop() {
    while (this.list.childElementCount > MOST) this.list.firstElementChild.remove();
  }

  async #fetch(after, limit = STEP) {
    const found = await fetchJson(`${this.root.dataset.linesUrl}?after=${after}&limit=${limit}`);
    this.total = Math.max(this.total, found.total ?? 0);
    return found.lines;
  }

  async #fetchAfter(upTo) {
    for (;;) {
      const lines = (await this.#fetch(this.last)).filter((line) => line.n > this.last && line.n <= upTo);
      this.#append(lines);
      if (lines.length < STEP || this.last >= upTo || this.#isFull()) return;
    }
  }

  async #replaceAround(n) {
    const lines = await this.#fetch(Math.max(n - STEP / 2, 0));
    if (!lines.length) return;
    this.list.replaceChildren();
    this.last = 0;
    this.#append(lines);
  }

  async #earlier() {
    const first = this.first;
    const after = Math.max(first - 1 - STEP, 0);
    this.follow(false);
    this.#prepend((await this.#fetch(after, first - 1 - after)).filter((line) => line.n < first));
  }

  async #later() {
    this.#append((await this.#fetch(this.last)).filter((line) => line.n > this.last));
    const top = this.root.scrollTop;
    const before = this.root.scrollHeight;
    this.#dropFromTop();
    this.root.scrollTop = top - (before - this.root.scrollHeight);
    this.#say();
  }

  async #end() {
    if (this.last < this.total && this.total - this.last > MOST) {
      this.list.replaceChildren();
      this.last = this.total - STEP;
    }
    this.#following = true;
    await this.#fetchAfter(Infinity);
    this.follow(true);
  }

  #say() {
    const [first, later] = [this.first, Math.max(this.total - this.last, 0)];
    this.root.dataset.lastLine = this.last;
    this.root.dataset.total = this.total;
    this.#gap("[data-earlier]", Math.max(first - 1, 0), "earlier lines");
    this.#gap("[data-later]", later, "later lines");
    this.root.querySelector("[data-quiet]").hidden = this.total > 0;
    const count = document.querySelector("[data-line-count]");
    if (count && Number(count.textContent) < this.total) count.textContent = this.total;
  }

  #gap(selector, count, words) {
    const gap = this.root.querySelector(selector);
    gap.hidden = count === 0;
    gap.querySelector("a").textContent = `${count} ${words}`;
  }

  #toEnd() {
    this.root.scrollTop = this.root.scrollHeight;
  }

  #listen() {
    const acts = { "[data-earlier] a": () => this.#earlier(), "[data-later] a": () => this.#later() };
    this.root.addEventListener("click", (event) => {
      const selector = Object.keys(acts).find((one) => event.target.closest(one));
      if (!selector) return;
      event.preventDefault();
      this.#inOrder(acts[selector]);
    });
    this.root.addEventListener("wheel", (event) => event.deltaY < 0 && this.follow(false), { passive: true });
    this.root.addEventListener("scroll", () => {
      const below = this.root.scrollHeight - this.root.scrollTop - this.root.clientHeight;
      if (this.#following && below > NEAR_END) this.follow(false);
    }, { passive: true });
  }

  toggleFollow() {
    if (this.#following) this.follow(false);
    else this.#inOrder(() => this.#end());
  }

  toStart() {
    return this.show(1);
  }
}
