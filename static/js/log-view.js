// The log: who follows the end has the newest 500 lines and no others; who reads has what is around the place that he sees,
// fetched as he goes, jumps or searches. Lines that come faster than they can be drawn are passed over, for the same reason.
import { nextFrame } from "./frames.js";
import { Folds } from "./log-folds.js";
import { LineMaker } from "./log-lines.js";
import { LineMap } from "./log-map.js";
import { HEAD, LogWindow } from "./log-window.js";
import { fetchJson } from "./server.js";
import { counted } from "./words.js";

export const WINDOW = 500; // lines of one who follows, and of one request
const MOST = 400; // lines in the page of one who reads
const STEP = 100; // lines that are fetched at once beside those that stand there
const BEFORE = 6; // lines that are fetched before the one that is jumped to
const BEHIND = 38; // and behind it: what is seen comes first
const AHEAD = 1000; // pixels beyond what is seen
const NEAR_END = 96; // pixels
const SAID = 6000; // milliseconds

export class LogView {
  folds = new Folds();
  moves = 0; // times that somebody went elsewhere by a link or a key
  #following = false;
  #inbox = []; // lines that have come and are not drawn yet, consecutive
  #placed = 0; // where following has scrolled to
  #awaited = null; // lines that a link asks for and that are not printed yet
  #work = Promise.resolve();
  #saying = 0;
  #anchor = null; // {n, top} of the line that is seen: a change of the window's width is told when it has happened
  #place = 1; // the line that was seen before what is shown has changed
  #isFilling = false;
  #isLooking = false;
  #places = null; // {search, context, ranges} where only the places of a search are shown

  // `onChange` is called when what the log has, or knows of, has changed, `onLines` with lines that now stand in the page.
  constructor(root, { onChange = () => {}, onLines = () => {} } = {}) {
    Object.assign(this, { root, onChange });
    this.maker = new LineMaker(root, this.folds);
    this.window = new LogWindow(root, this.maker, onLines);
    this.reading = document.querySelector("[data-log-reading]");
    this.total = 0; // newest line that is known of
    this.#enter();
    this.#listen();
  }

  // How many lines one who follows does not see yet although they are stored.
  get behind() {
    return this.#following && !this.#places ? Math.max(this.total - this.window.lastLine, 0) : 0;
  }

  // Number of the first line that is seen.
  get seenLine() {
    return Number(this.window.seen()?.dataset.line ?? 1);
  }

  follow(on) {
    this.#following = on;
    this.window.pin(on);
    document.querySelector("[data-follow]")?.setAttribute("aria-pressed", String(on));
    if (on) {
      this.window.dropFromTop(WINDOW);
      this.#toEnd();
    }
    this.onChange();
  }

  toggleFollow() {
    return this.#following ? this.follow(false) : this.toEnd({ follows: true });
  }

  // Takes in lines of the socket, to be drawn with the next frame. For one who follows the newest are enough.
  take(lines) {
    if (!lines.length) return;
    const isAtEnd = this.window.lastLine === this.total && this.window.size < MOST;
    this.#grow(lines.at(-1).n);
    if (!this.#following) this.#lookSoon();
    if (this.#places || (!this.#following && !isAtEnd && !this.#inbox.length)) return;
    const end = this.#inbox.at(-1)?.n;
    if (end === undefined) this.#inOrder(() => this.#draw());
    else if (lines[0].n !== end + 1) this.#inbox = [];
    this.#inbox = [...this.#inbox, ...lines].slice(-WINDOW);
  }

  // Calls `act` once all lines that have come so far are drawn, before the page is painted again.
  behindLines(act) {
    return this.#inOrder(act);
  }

  // Learns from elsewhere how many lines are stored. Who follows does not wait for the socket to bring all of them.
  hear(total) {
    const isNews = total > this.total;
    this.#grow(total);
    this.#say();
    if (isNews && this.behind > WINDOW) this.catchUp();
  }

  // Learns what was printed meanwhile, for instance after the socket skipped; who follows gets the newest of it.
  catchUp() {
    return this.#inOrder(() => this.#catchUp());
  }

  // Brings line `n` into the log's own window; the page stays where it is.
  show(n) {
    this.moves += 1;
    return this.#inOrder(() => this.#bring(n));
  }

  // Opens the log at lines `first` to `last` of a link: marked, and in the eye. A line to come is waited for.
  open(first, last) {
    this.moves += 1;
    this.mark(first, last);
    return this.#inOrder(() => this.#open(first, last));
  }

  // Marks every place of a text in the lines.
  highlight(text) {
    this.maker.want(text);
    this.#paint();
  }

  // Does something that changes how high lines are; the line that is seen stays where it is.
  keepRow(act) {
    if (this.#following) act();
    else this.window.keeping(act);
    this.keepEnd();
  }

  // Says something about the log, in one sentence that goes after a while.
  say(sentence) {
    const place = document.querySelector("[data-log-says]");
    place.textContent = sentence;
    clearTimeout(this.#saying);
    this.#saying = setTimeout(() => { place.textContent = ""; }, SAID);
  }

  // Scrolls the page where the log is not in it.
  intoSight() {
    this.root.closest(".log").scrollIntoView({ block: "nearest" });
  }

  mark(first, last) {
    this.maker.mark(first, last);
    this.#paint();
  }

  toStart() {
    this.moves += 1;
    return this.#inOrder(() => this.window.map.rows && this.#bring(this.window.map.lineOf(0)));
  }

  // Who follows already goes on following.
  toEnd({ follows = false } = {}) {
    this.moves += 1;
    return this.#inOrder(async () => {
      const staysThere = follows || this.#following;
      this.#following = true;
      try {
        await (staysThere ? this.#catchUp() : this.#drawEnd());
      } finally {
        this.follow(staysThere);
      }
      this.#toEnd();
    });
  }

  // Shows the places of a search alone, or the whole log again; the line that is seen stays in sight.
  filter(places) {
    return this.#inOrder(() => this.#again(() => this.#setPlaces(places)));
  }

  // Does something that changes how lines look or which are shown, and draws them anew.
  redraw(change) {
    return this.#inOrder(() => this.#again(change));
  }

  // Calls `act`, which changes what stands above the log. A reader who has the log before him is not moved by that: the
  // page is scrolled as far as the log would have moved. Not every browser does so, and none where the page is at its top.
  keepPlace(act) {
    const [place, middle] = [this.root.getBoundingClientRect(), innerHeight / 2];
    const isRead = this.total > 0 && place.top < middle && place.bottom > middle;
    act();
    if (isRead) scrollBy({ top: this.root.getBoundingClientRect().top - place.top, behavior: "instant" });
  }

  // Keeps the end in sight for one who follows, when something has changed behind the lines.
  keepEnd() {
    if (this.#following) this.#toEnd();
  }

  // Shows rows of lines that are printed and not finished, behind the last line.
  showOpen(rows) {
    this.#openRows.replaceChildren(...rows);
    this.#setOpen();
    this.keepEnd();
  }

  // Takes over how the server shows the log now: its marks, and for one who follows all of it.
  adopt(shown) {
    return this.#inOrder(async () => {
      this.maker.errorLine = Number(shown.dataset.errorLine ?? 0);
      this.#grow(Number(shown.dataset.total));
      const wasFollowing = this.#following;
      if (wasFollowing && this.#isAsServed) {
        this.root.replaceChildren(...shown.childNodes);
        this.#enter();
      }
      if (wasFollowing) {
        this.follow(false);
        this.#toEnd();
        if (this.maker.errorLine) await this.#bring(this.maker.errorLine);
      }
      this.#paint();
    });
  }

  // Lines may come before the name of their instruction: the heads get it when it is known.
  relabel() {
    this.maker.relabel(this.window.list);
  }

  // Whether the lines look as the server renders them.
  get #isAsServed() {
    return !this.#places && this.maker.timeMode === "start" && !this.folds.folded.length;
  }

  get #openRows() {
    return this.root.querySelector("[data-open-lines]");
  }

  #setOpen() {
    this.#openRows.hidden = this.#places !== null || !this.#openRows.childElementCount;
    this.#say();
  }

  #paint() {
    this.window.each((row) => this.maker.paint(row));
  }

  #enter() {
    this.total = Math.max(Number(this.root.dataset.total), this.total);
    for (const gap of this.root.querySelectorAll("[data-earlier], [data-later]")) gap.hidden = true; // the spaces say it
    this.window.enter(this.#map());
    this.maker.adopt(this.window.list);
    this.#say();
  }

  #map() {
    return this.#places ? new LineMap(this.#places.ranges) : LineMap.folded(this.total, this.folds.folded);
  }

  #grow(total) {
    if (total <= this.total) return;
    this.total = total;
    this.window.remap(this.#map());
    this.#say();
    if (this.#awaited && total >= this.#awaited[0]) {
      const [first, last] = this.#awaited;
      this.#inOrder(() => this.#open(first, last));
    }
  }

  #inOrder(act) {
    this.#work = this.#work.then(act).catch(() => this.#say());
    return this.#work;
  }

  async #open(first, last) {
    this.#awaited = this.total < first ? [first, last] : null;
    if (this.#awaited) return;
    await this.#bring(first);
    for (const n of [Math.min(last, this.total), first]) this.window.elementOf(n)?.scrollIntoView({ block: "nearest" });
    const [line, box] = [this.window.elementOf(first)?.getBoundingClientRect(), this.root.getBoundingClientRect()];
    if (line && (box.bottom > innerHeight || line.top < HEAD)) this.root.closest(".log").scrollIntoView({ block: "start" });
  }

  // Scrolls the log where line `n` is not seen already: it then stands in the upper part.
  async #bring(n) {
    this.#uncover(n);
    if (!this.window.elementOf(n)) await this.#jump(this.window.map.rowOf(n), this.root.clientHeight / 4);
    const line = this.window.elementOf(n);
    if (!line) return;
    this.follow(false);
    const [seen, at] = [this.root.getBoundingClientRect(), line.getBoundingClientRect()];
    if (at.top >= seen.top + HEAD && at.bottom <= seen.bottom) return;
    this.#scrollTo(line, this.root.clientHeight / 4);
    await this.#fill();
  }

  // What is folded or left out does not hide a line that is asked for.
  #uncover(n) {
    if (this.#places && !this.window.map.has(n)) {
      this.#setPlaces(null);
      this.root.dispatchEvent(new CustomEvent("unfiltered"));
      this.window.forget(this.#map());
    } else if (this.folds.foldedAt(n)) {
      this.folds.turn(n, false);
      this.window.forget(this.#map());
    }
  }

  #setPlaces(places) {
    this.#places = places;
    this.folds.isOff = places !== null;
    this.#setOpen();
  }

  async #again(change) {
    const row = this.window.seen();
    const wasFollowing = this.#following;
    if (row) this.#place = this.seenLine; // a search without a hit has none
    const n = this.#place;
    const place = row ? this.#placeOf(row) : HEAD;
    change();
    this.window.forget(this.#map());
    if (wasFollowing) await this.#drawEnd();
    else await this.#jump(Math.min(this.window.map.rowOf(n), this.window.map.rows - 1), place);
    if (wasFollowing) this.#toEnd();
    this.#say();
  }

  // Draws the rows around one, which then stands `place` pixels below the upper edge; but where the reader has scrolled on
  // from `scrolled`, his place counts.
  async #jump(row, place = HEAD, scrolled = null) {
    if (row < 0) {
      await this.window.replace(0, []);
      return;
    }
    const from = Math.max(row - BEFORE, 0);
    const lines = await this.#read(from, Math.min(row + BEHIND, this.window.map.rows));
    if (!lines.length) return;
    await this.window.replace(from, lines);
    const at = this.window.elementOf(this.window.map.lineOf(row));
    if (at && (scrolled === null || scrolled === this.root.scrollTop)) this.#scrollTo(at, place);
    this.#say();
    await this.#fill();
  }

  // How many pixels below the log's upper edge a row stands.
  #placeOf(row) {
    return row.getBoundingClientRect().top - this.root.getBoundingClientRect().top;
  }

  #scrollTo(row, place) {
    this.root.scrollTop += this.#placeOf(row) - place;
  }

  async #drawEnd() {
    const rows = this.window.map.rows;
    const from = Math.max(rows - WINDOW, 0);
    await this.window.replace(from, rows ? await this.#read(from, rows) : []);
    this.#toEnd();
    this.#say();
  }

  // Draws what is missing where the reader is, until nothing is.
  async #fill() {
    for (let missing; !this.#following && (missing = this.window.missing(AHEAD, STEP)); ) {
      if (missing.far !== undefined) {
        this.#tellReading(missing.far);
        await this.#jump(missing.far, HEAD, this.root.scrollTop);
        this.#tellReading(null);
        return;
      }
      const lines = await this.#read(missing.from, missing.to);
      if (!lines.length) return;
      if (missing.to <= this.window.first) {
        await this.window.prepend(lines);
        this.window.dropFromEnd(MOST);
      } else {
        await this.window.append(lines);
        this.window.keeping(() => this.window.dropFromTop(MOST));
      }
      this.#say();
    }
  }

  #tellReading(row) {
    if (!this.reading) return;
    this.reading.hidden = row === null;
    if (row !== null) this.reading.textContent = `Reading line ${this.window.map.lineOf(row)} of ${this.total}`;
  }

  // Reads the lines of rows `from` to before `to`. Of a folded instruction the first line stands for all, and is not read.
  async #read(from, to) {
    if (this.#places) {
      const { search, context } = this.#places;
      return this.#ask({ search, context, after: this.window.map.lineOf(from) - 1, limit: to - from });
    }
    const lines = [];
    for (const [first, last] of this.window.map.within(from, to)) {
      const fold = this.folds.foldedAt(last);
      const limit = last - first + (fold ? 0 : 1);
      if (limit) lines.push(...(await this.#ask({ after: first - 1, limit })));
      if (fold) lines.push({ n: last, vertex: fold.vertex, step: fold.step });
    }
    return lines;
  }

  async #ask(query) {
    const found = await fetchJson(`${this.root.dataset.linesUrl}?${new URLSearchParams(query)}`);
    this.#grow(found.total ?? 0);
    return withInks(found);
  }

  // Draws what has come meanwhile; whatever is there already is passed over, a gap is fetched for one who follows.
  async #draw() {
    await nextFrame();
    const lines = this.#inbox.splice(0);
    const last = this.window.lastLine;
    const news = lines.filter((line) => line.n > last);
    if (!news.length || this.#places) return;
    if (news[0].n > last + 1) {
      if (this.#following) await this.#catchUp();
      return;
    }
    await this.#append(this.#following ? news : news.slice(0, Math.max(MOST - this.window.size, 0)));
  }

  async #append(lines) {
    await this.window.append(lines, () => {
      if (this.#following) this.window.dropFromTop(WINDOW);
      this.#say();
      if (this.#following) this.#toEnd();
    });
  }

  // Ends at what was stored when it began: what is printed meanwhile comes by the socket.
  async #catchUp() {
    const [newest] = await this.#ask({ after: Math.max(this.total - 1, 0), limit: 1 });
    if (!newest) return;
    if (this.#following && !this.#places) {
      const goal = this.total;
      for (let last = -1; last < this.window.lastLine && this.window.lastLine < goal; ) {
        last = this.window.lastLine;
        if (goal - last > WINDOW) await this.#drawEnd();
        else await this.#append(await this.#ask({ after: last, limit: goal - last }));
      }
    }
  }

  #say() {
    this.root.dataset.lastLine = this.window.lastLine;
    this.root.dataset.total = this.total;
    this.root.classList.toggle("log__lines--far", this.total > 99999); // numbers of six digits need more room
    this.root.querySelector("[data-quiet]").hidden = this.total > 0 || this.#openRows.childElementCount > 0;
    const count = document.querySelector("[data-line-count]");
    if (count && Number(count.dataset.lineCount) < this.total) {
      count.dataset.lineCount = this.total;
      count.textContent = counted(this.total, "line");
    }
    this.onChange();
  }

  #toEnd() {
    this.root.scrollTop = this.root.scrollHeight;
    this.#placed = this.root.scrollTop;
  }

  #listen() {
    this.root.addEventListener("wheel", (event) => event.deltaY < 0 && this.#following && this.follow(false), { passive: true });
    this.root.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    addEventListener("resize", () => this.#resized());
    this.root.addEventListener("click", (event) => {
      const button = event.target.closest("[data-fold]");
      if (button) this.redraw(() => this.folds.turn(Number(button.dataset.fold), button.getAttribute("aria-expanded") === "true"));
    });
  }

  // Lines wrap elsewhere now: the one that was seen stays.
  #resized() {
    const anchor = this.#anchor;
    this.window.measure();
    this.window.remap(this.window.map);
    const row = anchor && this.window.elementOf(anchor.n);
    if (this.#following) this.#toEnd();
    else if (row) this.#scrollTo(row, anchor.top);
    this.#scrolled();
  }

  // A reader near the end has what comes behind what he sees.
  async #lookSoon() {
    if (this.#isLooking) return;
    this.#isLooking = true;
    await nextFrame();
    this.#isLooking = false;
    this.#scrolled();
  }

  #scrolled() {
    if (this.#following) {
      const below = this.root.scrollHeight - this.root.scrollTop - this.root.clientHeight;
      const isMovedUp = this.root.scrollTop < this.#placed && below > 1;
      if (isMovedUp || below > NEAR_END) this.follow(false);
    }
    const seen = this.#following ? null : this.window.seen();
    this.#anchor = seen ? { n: Number(seen.dataset.line), top: this.#placeOf(seen) } : null;
    if (this.#following || this.#isFilling || !this.window.missing(AHEAD, STEP)) return;
    this.#isFilling = true;
    this.#inOrder(() => this.#fill()).finally(() => { this.#isFilling = false; });
  }
}

// Which colour a line begins with is told beside the lines, of those alone that begin with one.
export function withInks({ lines, inks = {} }) {
  for (const line of lines) line.ink = inks[line.n] ?? "";
  return lines;
}
