// The log: a window of consecutive lines, each of which stands there once. Who follows the end has the newest 500
// lines and no others; who reads has up to about 2,000, and what comes then is counted. Older and later lines are
// fetched when they are asked for. Lines that come faster than they can be drawn are passed over, for the same reason.
import { eachInFrames, nextFrame } from "./frames.js";
import { LineMaker } from "./log-lines.js";
import { fetchJson } from "./server.js";
import { counted } from "./words.js";

const MOST = 2000;
export const WINDOW = 500; // lines of one who follows, and of one request
const BATCH = 20; // lines that are laid out at once
const NEAR_END = 96; // pixels
const HEAD = 40; // pixels; the name of an instruction stays on top of its lines

function batchesOf(lines) {
  return Array.from({ length: Math.ceil(lines.length / BATCH) }, (_, at) => lines.slice(at * BATCH, (at + 1) * BATCH));
}

export class LogView {
  #following = false;
  #inbox = []; // lines that have come and are not drawn yet, consecutive
  #placed = 0; // where following has scrolled to
  #awaited = 0; // a line that a link asks for and that is not printed yet
  #fetching = Promise.resolve();

  // `onChange` is called when what the log has, or knows of, has changed.
  constructor(root, { onChange = () => {} } = {}) {
    this.root = root;
    this.onChange = onChange;
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

  // How many lines one who follows does not see yet although they are stored.
  get behind() {
    return this.#following ? Math.max(this.total - this.last, 0) : 0;
  }

  follow(on) {
    this.#following = on;
    document.querySelector("[data-follow]")?.setAttribute("aria-pressed", String(on));
    if (on) {
      this.#dropFromTop(WINDOW);
      this.#toEnd();
    }
    this.onChange();
  }

  // Takes in lines of the socket, to be drawn with the next frame. For one who follows the newest are enough.
  take(lines) {
    if (!lines.length) return;
    const end = this.#inbox.at(-1)?.n;
    this.total = Math.max(this.total, lines.at(-1).n);
    if (end === undefined) this.#inOrder(() => this.#draw());
    else if (lines[0].n !== end + 1) this.#inbox = [];
    if (this.#following) this.#inbox = [...this.#inbox, ...lines].slice(-WINDOW);
    else if (this.#inbox.length < MOST) this.#inbox.push(...lines);
  }

  // Learns from elsewhere how many lines are stored. Who follows does not wait for the socket to bring all of them.
  hear(total) {
    const isNews = total > this.total;
    this.total = Math.max(this.total, total);
    this.#say();
    if (isNews && this.behind > WINDOW) this.catchUp();
  }

  // Fetches what lies between the page and line `upTo`, for instance after the socket skipped; one who follows gets
  // the newest of it.
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

  // Calls `act`, which changes what stands above the log. A reader who has the log before him is not moved by that: the
  // page is scrolled as far as the log would have moved. Not every browser does so, and none where the page is at its top.
  keepPlace(act) {
    const [place, middle] = [this.root.getBoundingClientRect(), innerHeight / 2];
    const isRead = this.total > 0 && place.top < middle && place.bottom > middle;
    act();
    if (isRead) scrollBy({ top: this.root.getBoundingClientRect().top - place.top, behavior: "instant" });
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
    const isLong = last - first > WINDOW / 2; // what follows a long range's begin stands behind "later lines"
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

  // Draws what has come meanwhile; whatever is there already is passed over, a gap is fetched for one who follows.
  async #draw() {
    await nextFrame();
    const lines = this.#inbox.splice(0);
    const before = lines[0].n - 1;
    if (this.#following && before > this.last && lines.length < WINDOW) await this.#fetchAfter(before);
    const news = lines.filter((line) => line.n > this.last);
    await this.#append(this.#following ? news : news.slice(0, Math.max(MOST - this.list.childElementCount, 0)));
  }

  // Adds lines at the end. Behind a gap all earlier lines go for one who follows, and the new ones are only counted for
  // one who reads: he may have scrolled up while they were on their way.
  async #append(lines) {
    const isGap = lines.length > 0 && lines[0].n > this.last + 1;
    if (isGap && this.#following) this.list.replaceChildren();
    await eachInFrames(isGap && !this.#following ? [] : batchesOf(lines), (batch) => this.#appendBatch(batch));
    this.#say();
    await this.#meetAwaited();
  }

  #appendBatch(lines) {
    const rows = [];
    let under = this.list.lastElementChild?.dataset.under ?? this.#lastHead();
    for (const line of lines) {
      rows.push(...this.maker.make(line, under));
      under = this.maker.headOf(line);
    }
    this.list.append(...rows);
    this.last = lines.at(-1).n;
    this.total = Math.max(this.total, this.last);
    if (this.#following) this.#dropFromTop(WINDOW);
    this.#say();
    if (this.#following) this.#toEnd();
  }

  async #meetAwaited() {
    const n = this.#awaited;
    if (!n || this.total < n) return;
    this.#awaited = 0;
    await this.#load(n, n);
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

  // Adds lines at the begin, the nearest first; what the reader sees stays where it is.
  async #prepend(lines) {
    await eachInFrames(batchesOf(lines).reverse(), (batch) => this.#prependBatch(batch));
    while (this.list.childElementCount > MOST) this.list.lastElementChild.remove();
    this.last = Number([...this.list.querySelectorAll("[data-line]")].at(-1)?.dataset.line ?? 0);
    this.#say();
  }

  #prependBatch(lines) {
    const rows = [];
    let under;
    for (const line of lines) {
      rows.push(...this.maker.make(line, under));
      under = this.maker.headOf(line);
    }
    const [before, next] = [this.root.scrollHeight, this.list.firstElementChild];
    this.list.prepend(...rows);
    if (next?.matches(".log__head") && next.textContent.trim() === under) next.remove();
    this.root.scrollTop += this.root.scrollHeight - before;
  }

  // Takes the oldest lines out; the first one that stays keeps the name of its instruction above it.
  #dropFromTop(most) {
    const lines = this.list.querySelectorAll("[data-line]");
    if (lines.length <= most) return;
    let head;
    for (let row = this.list.firstElementChild; row !== lines[lines.length - most]; row = this.list.firstElementChild) {
      if (row.matches(".log__head")) head = row;
      row.remove();
    }
    if (head) this.list.prepend(head);
  }

  async #fetch(after, limit = WINDOW) {
    const found = await fetchJson(`${this.root.dataset.linesUrl}?after=${after}&limit=${limit}`);
    this.total = Math.max(this.total, found.total ?? 0);
    return found.lines;
  }

  // Ends at what was stored when it began: what is printed meanwhile comes by the socket.
  async #fetchAfter(upTo) {
    let goal = upTo;
    for (;;) {
      const after = this.#following ? Math.max(this.last, Math.min(goal, this.total) - WINDOW) : this.last;
      const lines = (await this.#fetch(after)).filter((line) => line.n > this.last && line.n <= goal);
      goal = Math.min(goal, this.total);
      await this.#append(lines);
      if (lines.length < WINDOW || this.last >= goal || this.#isFull()) return;
    }
  }

  async #replaceAround(n) {
    const lines = await this.#fetch(Math.max(n - WINDOW / 2, 0));
    if (!lines.length) return;
    this.follow(false);
    this.list.replaceChildren();
    this.last = lines[0].n - 1;
    await this.#append(lines);
  }

  async #earlier() {
    const first = this.first;
    const after = Math.max(first - 1 - WINDOW, 0);
    this.follow(false);
    await this.#prepend((await this.#fetch(after, first - 1 - after)).filter((line) => line.n < first));
  }

  async #later() {
    await this.#append((await this.#fetch(this.last)).filter((line) => line.n > this.last));
    const top = this.root.scrollTop;
    const before = this.root.scrollHeight;
    this.#dropFromTop(MOST);
    this.root.scrollTop = top - (before - this.root.scrollHeight);
    this.#say();
  }

  async #end() {
    this.#following = true;
    await this.#fetchAfter(Infinity);
    this.follow(true);
  }

  #say() {
    const [first, later] = [this.first, Math.max(this.total - this.last, 0)];
    this.root.dataset.lastLine = this.last;
    this.root.dataset.total = this.total;
    this.#gap("[data-earlier]", Math.max(first - 1, 0), "earlier line");
    this.#gap("[data-later]", later, "later line");
    this.root.querySelector("[data-quiet]").hidden = this.total > 0;
    const count = document.querySelector("[data-line-count]");
    if (count && Number(count.dataset.lineCount) < this.total) {
      count.dataset.lineCount = this.total;
      count.textContent = counted(this.total, "line");
    }
    this.onChange();
  }

  #gap(selector, count, noun) {
    const gap = this.root.querySelector(selector);
    gap.hidden = count === 0;
    gap.querySelector("a").textContent = counted(count, noun);
  }

  #toEnd() {
    this.root.scrollTop = this.root.scrollHeight;
    this.#placed = this.root.scrollTop;
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
      const isMovedUp = this.root.scrollTop < this.#placed && below > 1;
      if (this.#following && (isMovedUp || below > NEAR_END)) this.follow(false);
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
