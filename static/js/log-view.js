// The log: a window of consecutive lines of which the page never holds more than about 2,000. New lines are added
// where the window touches the end; older ones are fetched when they are asked for. Each line stands there once.
import { LineMaker } from "./log-lines.js";
import { fetchJson } from "./server.js";

const MOST = 2000;
const STEP = 500;
const NEAR_END = 96; // pixels

export class LogView {
  #following = false;
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

  // Brings line `n` into the page and the eye.
  show(n) {
    return this.#inOrder(async () => {
      if (n < 1 || (this.total && n > this.total)) return;
      if (!this.#lineAt(n)) await this.#replaceAround(n);
      this.follow(false);
      for (const old of this.list.querySelectorAll(".log__line--here")) old.classList.remove("log__line--here");
      const line = this.#lineAt(n);
      if (n !== this.maker.errorLine) line?.classList.add("log__line--here");
      if (line) this.root.scrollTop = line.offsetTop - this.root.offsetTop - this.root.clientHeight / 3;
    });
  }

  #lineAt(n) {
    return this.list.querySelector(`[data-line="${n}"]`);
  }

  #inOrder(deed) {
    this.#fetching = this.#fetching.then(deed).catch(() => this.#say());
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
    const on = (selector, deed) => this.root.querySelector(selector).addEventListener("click", (event) => {
      event.preventDefault();
      this.#inOrder(deed);
    });
    on("[data-earlier] a", () => this.#earlier());
    on("[data-later] a", () => this.#later());
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
