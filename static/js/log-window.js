// The part of the log that stands in the page: consecutive rows, between two spaces that stand for the rows left out. So
// the scroll bar is that of the whole log, whatever its length, and nothing grows with it. The space before is within the
// list: the rows stay where they are in it while those before them are taken out, and are not laid out anew.
import { eachInFrames, nextFrame } from "./frames.js";
import { isHead } from "./log-lines.js";
import { LineMap } from "./log-map.js";

const TALLEST = 8_000_000; // pixels; browsers lay out no boxes of any height (Firefox about twice as much)
const SHARE = 2; // milliseconds of a frame that making lines may take where they are laid out with it
const PIECE = 30; // lines that are laid out at once where making them is no measure
export const HEAD = 40; // pixels; the name of an instruction stays on top of its lines

function space() {
  const made = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  made.classList.add("log__space");
  made.setAttribute("aria-hidden", "true");
  return made;
}

export class LogWindow {
  #rows = []; // the elements of the rows, each with its line's number
  #first = 0; // row of the first of them
  #above = 0; // pixels of the space before the first row
  #behind = space();
  #isStale = false; // other lines are to be shown than those that stand here
  #isAtEnd = false; // nothing is left out behind the last row, whatever is known of

  // `onLines` is called with lines that were put behind all others, or in their place, before they are painted.
  constructor(root, maker, onLines) {
    Object.assign(this, { root, maker, onLines, map: new LineMap([]) });
  }

  // Takes over the lines that the server has put into the page.
  enter(map) {
    this.list = this.root.querySelector("[data-lines]");
    this.list.after(this.#behind);
    this.measure();
    this.#rows = [...this.list.querySelectorAll("[data-line]")];
    this.#first = this.#rows.length ? map.rowOf(this.numberOf(0)) : 0;
    this.remap(map);
  }

  // Learns that other lines are to be shown; what stands here stays until they replace it.
  forget(map) {
    this.map = map;
    this.#isStale = true;
  }

  // For one who follows the end, the last row is the end.
  pin(on) {
    this.#isAtEnd = on;
    this.#setSpaces();
  }

  // Learns which lines are shown; those that stand here keep their rows.
  remap(map) {
    this.map = map;
    this.#setSpaces();
  }

  get first() {
    return this.#first;
  }

  get end() {
    return this.#first + this.#rows.length;
  }

  get size() {
    return this.#rows.length;
  }

  // Number of the last line that stands here; before any line, of the one before the first row.
  get lastLine() {
    const last = this.#rows.at(-1)?.dataset;
    return Number(last?.last ?? last?.line ?? 0); // a folded one stands for all its lines
  }

  get lastRow() {
    return this.#rows.at(-1);
  }

  numberOf(index) {
    return Number(this.#rows[index].dataset.line);
  }

  elementOf(n) {
    const row = this.map.has(n) && !this.#isStale ? this.map.rowOf(n) : -1;
    return this.#rows[row - this.#first];
  }

  each(act) {
    this.#rows.forEach(act);
  }

  // The element of the first row that is seen below the head that stays on top.
  seen() {
    const top = this.root.getBoundingClientRect().top + HEAD;
    let [low, high] = [0, this.#rows.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#rows[middle].getBoundingClientRect().bottom > top) high = middle;
      else low = middle + 1;
    }
    return this.#rows[low];
  }

  // Does something to what stands here; the row that is seen stays where it is.
  keeping(act) {
    const row = this.seen();
    const top = row?.getBoundingClientRect().top;
    act();
    if (row?.isConnected) this.root.scrollTop += row.getBoundingClientRect().top - top;
  }

  // What is to be drawn for the place that the reader sees: rows {from, to} beside those that stand here, {far} away from them,
  // or nothing. `ahead` is how many pixels around it are to stand here, `most` how many rows are fetched for that.
  missing(ahead, most) {
    const [seen, list] = [this.root.getBoundingClientRect(), this.list.getBoundingClientRect()];
    if (!seen.height || !this.map.rows) return null;
    const unit = this.#unit();
    const top = list.top + this.#above;
    if (!this.size || list.bottom < seen.top || top > seen.bottom) {
      const below = this.size > 0 && list.bottom < seen.top;
      // lines that wrap are higher than what stands for them: at the very end it is the end that is meant
      if (this.root.scrollTop + this.root.clientHeight > this.root.scrollHeight - 2) return { far: this.map.rows - 1 };
      const row = below ? this.end + (seen.top - list.bottom) / unit : this.#first - (top - seen.top) / unit;
      return { far: Math.min(Math.max(Math.floor(row), 0), this.map.rows - 1) };
    }
    if (this.#first > 0 && top > seen.top - ahead) return { from: Math.max(this.#first - most, 0), to: this.#first };
    const isShort = this.end < this.map.rows && list.bottom < seen.bottom + ahead;
    return isShort ? { from: this.end, to: Math.min(this.end + most, this.map.rows) } : null;
  }

  // Puts these lines in place of all others: row `from` and those behind it.
  async replace(from, lines) {
    const made = await this.#make(lines);
    this.list.replaceChildren(...made);
    this.#rows = made.filter((one) => one.dataset.line);
    this.#first = from;
    this.#isStale = false;
    this.#setSpaces();
    this.onLines(lines);
  }

  // Adds lines behind the last one, in slices that fit a frame; `after` is called behind each.
  append(lines, after = () => {}) {
    const added = [];
    const addRow = (line) => {
      const made = this.maker.make(line, this.#rows.at(-1));
      this.list.append(...made);
      this.#rows.push(made.at(-1));
      added.push(line);
    };
    return eachInFrames(lines.filter((line) => this.map.has(line.n)), addRow, () => {
      this.#setSpaces();
      this.onLines(added.splice(0));
      after();
    }, SHARE);
  }

  // Adds lines before the first one, the last of them first, in pieces that fit a frame.
  async prepend(lines) {
    for (let end = lines.length; end > 0; end -= PIECE) {
      await this.#prependPiece(lines.slice(Math.max(end - PIECE, 0), end));
      if (end > PIECE) await nextFrame();
    }
  }

  async #prependPiece(lines) {
    const made = await this.#make(lines);
    this.keeping(() => {
      this.maker.join(lines.at(-1), this.#rows[0]);
      this.list.prepend(...made);
      this.#rows.unshift(...made.filter((one) => one.dataset.line));
      this.#first -= lines.length;
      this.#setSpaces();
    });
  }

  // Makes the rows of these lines with the names above them, outside of the page.
  async #make(lines) {
    const made = [];
    let last;
    await eachInFrames(lines, (line) => {
      made.push(...this.maker.make(line, last));
      last = line;
    });
    return made;
  }

  // Takes rows out at the begin, so that at most `most` stay; the first one that stays has its instruction's name above it.
  dropFromTop(most) {
    const count = this.#rows.length - most;
    if (count <= 0) return;
    this.maker.giveHead(this.#rows[count]);
    const head = this.#rows[count].previousElementSibling;
    const stays = isHead(head) ? head : this.#rows[count];
    while (this.list.firstElementChild !== stays) this.list.firstElementChild.remove();
    this.#rows.splice(0, count);
    this.#first += count;
    this.#setSpaces();
  }

  dropFromEnd(most) {
    for (const row of this.#rows.splice(most)) row.remove();
    while (this.list.lastElementChild && this.list.lastElementChild !== this.#rows.at(-1)) this.list.lastElementChild.remove();
    this.#setSpaces();
  }

  // Pixels that stand for a row that is left out: as high as one, but all together no higher than what can be laid out.
  #unit() {
    return Math.min(this.lineHeight, TALLEST / Math.max(this.map.rows, 1));
  }

  // Learns how high a line is now; the style of the page may depend on its width.
  measure() {
    this.lineHeight = parseFloat(getComputedStyle(this.list).lineHeight) || 20;
  }

  #setSpaces() {
    const unit = this.#unit();
    this.#above = Math.round(this.#first * unit);
    const above = `${this.#above}px`;
    if (this.list.style.paddingTop !== above) this.list.style.paddingTop = above; // else it would be laid out anew
    const behind = String(Math.round((this.#isAtEnd ? 0 : Math.max(this.map.rows - this.end, 0)) * unit));
    if (this.#behind.getAttribute("height") !== behind) this.#behind.setAttribute("height", behind);
  }
}
