// Makes the elements of log lines, with the hooks and classes of templates/components/log_lines.html.
import { lineNodes } from "./ansi.js";

const BY_BUILDHUB = "BuildHub";
const PREPARATION = "preparation";

function timeWords(milliseconds) {
  const tenths = Math.floor(Math.max(milliseconds, 0) / 100);
  const rest = tenths % 600;
  return `${Math.floor(tenths / 600)}:${String(Math.floor(rest / 10)).padStart(2, "0")}.${rest % 10}`;
}

function element(name, className, children = []) {
  const made = document.createElement(name);
  made.className = className;
  made.append(...children);
  return made;
}

export class LineMaker {
  #names = new Map();
  #marked = [0, 0]; // first and last line of the link that was opened

  constructor(errorLine) {
    this.errorLine = errorLine;
  }

  mark(first, last) {
    this.#marked = [first, last];
  }

  // Gives a line the marks that it has now: of the error, and of the link.
  paint(line) {
    const n = Number(line.dataset.line);
    line.classList.toggle("log__line--error", n === this.errorLine);
    line.toggleAttribute("data-marked", n >= this.#marked[0] && n <= this.#marked[1]);
  }

  learnNames(root) {
    for (const row of root.querySelectorAll("[data-vertex]")) this.#names.set(row.dataset.vertex, row.dataset.name);
  }

  learnSteps(steps) {
    for (const one of steps.flatMap((step) => step.instructions ?? [])) {
      this.#names.set(one.vertex, one.name.startsWith("[internal]") ? PREPARATION : one.name);
    }
  }

  headOf(line) {
    return line.vertex ? (this.#names.get(line.vertex) ?? PREPARATION) : BY_BUILDHUB;
  }

  // Returns the line, behind a head where it belongs to something else than the line before.
  make(line, before) {
    const name = this.headOf(line);
    const made = this.#line(line);
    made.dataset.under = name;
    return before === name ? [made] : [this.#head(name, line), made];
  }

  #head(name, line) {
    const head = element("li", "log__head", [element("span", "clip", [name])]);
    head.dataset.of = line.vertex ?? "";
    return head;
  }

  #line(line) {
    const number = element("a", "log__n", [String(line.n)]);
    number.href = `#L${line.n}`;
    number.tabIndex = -1;
    const text = element("code", "log__text", lineNodes(line.text, line.ink ?? ""));
    const made = element("li", "log__line", [number, element("span", "log__t", [timeWords(line.t)]), text]);
    if (line.stream === 0) made.classList.add("log__line--own");
    made.id = `L${line.n}`;
    made.dataset.line = line.n;
    this.paint(made);
    return made;
  }
}
