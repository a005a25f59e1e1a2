// Makes the elements of log lines, with the hooks and classes of templates/components/log_lines.html.
import { lineNodes } from "./ansi.js";
import { markText, unmarkText } from "./log-marks.js";
import { counted } from "./words.js";

const BY_BUILDHUB = "BuildHub";
const PREPARATION = "preparation";
export const isHead = (element) => element?.matches(".log__head") && !element.dataset.line;

function sinceWords(milliseconds) {
  const tenths = Math.floor(Math.max(milliseconds, 0) / 100);
  const rest = tenths % 600;
  return `${Math.floor(tenths / 600)}:${String(Math.floor(rest / 10)).padStart(2, "0")}.${rest % 10}`;
}

function clockWords(moment) {
  return `${new Date(moment).toLocaleTimeString("en-GB")}.${Math.floor((moment % 1000) / 100)}`;
}

function element(name, className, children = []) {
  const made = document.createElement(name);
  made.className = className;
  made.append(...children);
  return made;
}

export class LineMaker {
  #names = new Map();
  #begins = new Map(); // when instructions and steps have begun, in milliseconds
  #marked = [0, 0]; // first and last line of the link that was opened, or the hit of a search
  #wanted = ""; // what is searched for

  // `folds` knows the long instructions that may be folded (log-folds.js).
  constructor(root, folds) {
    this.folds = folds;
    this.errorLine = Number(root.dataset.errorLine ?? 0);
    this.began = Date.parse(root.dataset.began ?? "");
    this.timeMode = "start";
  }

  mark(first, last) {
    this.#marked = [first, last];
  }

  get marked() {
    return this.#marked;
  }

  want(text) {
    this.#wanted = text;
  }

  // Gives a row the marks that it has now: of the error, of the link, and of the search.
  paint(row) {
    const n = Number(row.dataset.line);
    row.classList.toggle("log__line--error", n === this.errorLine);
    row.toggleAttribute("data-marked", n >= this.#marked[0] && n <= this.#marked[1]);
    const text = row.querySelector(".log__text");
    if (!text) return;
    unmarkText(text);
    if (this.#wanted) markText(text, this.#wanted);
  }

  // Lines that the server has put into the page: each learns what it belongs to.
  adopt(list) {
    let of = "";
    for (const one of list.children) {
      if (isHead(one)) of = one.dataset.of;
      else one.dataset.of = of;
    }
  }

  learnNames(root) {
    for (const row of root.querySelectorAll("[data-name]")) {
      this.#names.set(row.dataset.vertex ?? `step ${row.dataset.step}`, row.dataset.name);
    }
    for (const row of root.querySelectorAll("[data-started]")) {
      this.#begins.set(row.dataset.vertex ?? `step ${row.dataset.step}`, Date.parse(row.dataset.started));
    }
  }

  learnSteps(steps) {
    for (const one of steps.flatMap((step) => step.instructions ?? [])) {
      this.#names.set(one.vertex, one.name.startsWith("[internal]") ? PREPARATION : one.name);
      if (one.started) this.#begins.set(one.vertex, Date.parse(one.started));
    }
  }

  nameOf(key) {
    return key ? (this.#names.get(key) ?? PREPARATION) : BY_BUILDHUB;
  }

  // What a line belongs to: its instruction, else its step where that has words of its own, else nothing but BuildHub.
  keyOf(line) {
    const step = `step ${line.step}`;
    return line.vertex || (this.#names.has(step) ? step : "");
  }

  // Returns the row of a line, behind a head where it belongs to something else than `before` it, a line or a row.
  make(line, before) {
    const last = before?.dataset ? { n: Number(before.dataset.line), of: before.dataset.of } : before && { n: before.n, of: this.keyOf(before) };
    const [fold, foldBefore] = [this.folds.foldedAt(line.n), last && this.folds.foldedAt(last.n)];
    const left = last ? line.n - (foldBefore?.last ?? last.n) - 1 : 0;
    const made = left > 0 ? [this.#gap(left)] : [];
    if (fold) return [...made, this.#folded(fold, line)];
    const isNew = !last || foldBefore || this.nameOf(last.of) !== this.nameOf(this.keyOf(line));
    return [...made, ...(isNew ? [this.#head(this.keyOf(line), line.n)] : []), this.#line(line)];
  }

  // Puts a head above a row that has none.
  giveHead(row) {
    if (!isHead(row.previousElementSibling) && !row.matches(".log__head")) row.before(this.#head(row.dataset.of, Number(row.dataset.line)));
  }

  // Takes the head above `row` away where line `last`, which comes before it, belongs to the same.
  join(last, row) {
    const head = row?.previousElementSibling;
    const isSame = last && !this.folds.foldedAt(last.n) && this.nameOf(this.keyOf(last)) === this.nameOf(row?.dataset.of);
    if (isHead(head) && isSame && last.n === Number(row.dataset.line) - 1) head.remove();
  }

  // Names and lengths of instructions may be known later than their lines.
  relabel(list) {
    for (const head of list.querySelectorAll(".log__head:not([data-line])")) {
      const row = head.nextElementSibling;
      if (row) head.replaceChildren(...this.#headParts(head.dataset.of, Number(row.dataset.line)));
    }
  }

  #gap(count) {
    return element("li", "log__gap", [`… ${counted(count, "line")}`]);
  }

  #head(vertex, n) {
    const head = element("li", "log__head", this.#headParts(vertex, n));
    head.dataset.of = vertex;
    return head;
  }

  #headParts(vertex, n) {
    const parts = [element("span", "clip", [this.nameOf(vertex)])];
    const section = this.folds.at(n);
    if (!section) return parts;
    return [this.#foldButton(section, vertex), ...parts, element("span", "log__meta", [this.#lengthOf(section)])];
  }

  #lengthOf(section) {
    return counted(section.last - section.first + 1, "line") + (this.folds.foldedAt(section.first) ? " folded" : "");
  }

  // A folded instruction stands there as its first line.
  #folded(section, line) {
    const head = this.#head(this.keyOf(line), line.n);
    head.classList.add("log__head--folded");
    Object.assign(head.dataset, { line: line.n, last: section.last });
    head.id = `L${line.n}`;
    this.paint(head);
    return head;
  }

  #foldButton(section, vertex) {
    const button = element("button", "log__fold");
    const isOpen = !this.folds.foldedAt(section.first);
    button.type = "button";
    button.dataset.fold = section.first;
    button.setAttribute("aria-expanded", String(isOpen));
    button.setAttribute("aria-label", `${isOpen ? "Fold" : "Unfold"} ${this.nameOf(vertex)}`);
    button.innerHTML = '<svg class="icon" aria-hidden="true"><use href="#i-chevron"/></svg>';
    return button;
  }

  #line(line) {
    const number = element("a", "log__n", [String(line.n)]);
    number.href = `#L${line.n}`;
    number.tabIndex = -1;
    const text = element("code", "log__text", lineNodes(line.text, line.ink ?? ""));
    const made = element("li", "log__line", [number, element("span", "log__t", [this.#timeWords(line)]), text]);
    if (line.stream === 0) made.classList.add("log__line--own");
    made.id = `L${line.n}`;
    Object.assign(made.dataset, { line: line.n, of: this.keyOf(line) });
    this.paint(made);
    return made;
  }

  #timeWords(line) {
    if (this.timeMode === "clock") return clockWords(this.began + line.t);
    if (this.timeMode !== "step") return sinceWords(line.t);
    const begin = this.#begins.get(line.vertex) ?? this.#begins.get(`step ${line.step}`) ?? this.began;
    return sinceWords(this.began + line.t - begin);
  }
}
