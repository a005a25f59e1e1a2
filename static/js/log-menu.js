// How the log is shown: times, wrapping, folding, and where to go in it. What the reader chose is remembered.
import { lineNodes } from "./ansi.js";
import { fetchJson } from "./server.js";
import { counted } from "./words.js";

const REMEMBERED = "buildhub.log";
const MOST_COPIED = 10000; // lines of one answer
const NARROW = matchMedia("(max-width: 820px)"); // there times are shown once the reader has asked for them
const AGAIN = 2000; // instructions that have ended are asked for no more often than so

function remembered() {
  try {
    return JSON.parse(localStorage.getItem(REMEMBERED)) ?? {};
  } catch {
    return {}; // a browser may refuse to remember
  }
}

function remember(choice) {
  try {
    localStorage.setItem(REMEMBERED, JSON.stringify({ ...remembered(), ...choice }));
  } catch {
    // what cannot be remembered holds for this page
  }
}

export class LogMenu {
  #isDue = false;
  #root = document.querySelector("[data-log-menu]");

  constructor(log) {
    this.log = log;
    this.#root.hidden = false;
    this.copy = this.#root.querySelector("[data-log-copy]");
    this.line = this.#root.querySelector("[data-log-line]");
    this.#begin();
    this.#listen();
  }

  openAtLine() {
    this.#root.open = true;
    this.line.select();
  }

  // Instructions have ended: they may be folded now.
  async learnSections() {
    if (this.#isDue || this.log.total <= 200) return;
    this.#isDue = true;
    setTimeout(() => { this.#isDue = false; }, AGAIN);
    let found;
    try {
      found = await fetchJson(this.log.root.dataset.linesUrl.replace(/lines$/, "sections"));
    } catch {
      return; // nothing can be folded yet; the next instruction that ends asks again
    }
    const ended = found.filter((one) => one.state === "DONE");
    if (this.log.folds.areFolded) await this.log.redraw(() => this.log.folds.learn(ended));
    else {
      this.log.folds.learn(ended);
      this.log.relabel();
    }
  }

  // Only what is marked by a link can be copied as a whole: it may be longer than what stands in the page.
  sayMarked() {
    const [first, last] = this.log.maker.marked;
    this.copy.hidden = first === 0 || !navigator.clipboard; // there is none over plain http
    if (first) this.line.value = first === last ? first : `${first}-${last}`;
  }

  #begin() {
    const { time, wraps = true, folds = false } = remembered();
    for (const radio of this.#root.querySelectorAll('[name="log-time"]')) {
      radio.checked = radio.value === (time ?? (NARROW.matches ? "" : "start"));
      if (radio.checked && time) this.#setTime(time);
    }
    this.#root.querySelector("[data-wrap]").checked = wraps;
    this.#root.querySelector("[data-fold-all]").checked = folds;
    this.log.root.classList.toggle("log__view--long", !wraps);
    this.log.folds.foldAll(folds);
  }

  #setTime(time) {
    const change = () => {
      this.log.root.classList.add("log__view--times");
      this.log.root.classList.toggle("log__view--clock", time === "clock");
      this.log.maker.timeMode = time;
    };
    if (time === this.log.maker.timeMode) this.log.keepRow(change);
    else this.log.redraw(change);
  }

  #listen() {
    this.#root.addEventListener("change", ({ target }) => {
      if (target.name === "log-time") {
        remember({ time: target.value });
        this.#setTime(target.value);
      } else if (target.matches("[data-wrap]")) {
        remember({ wraps: target.checked });
        this.log.keepRow(() => this.log.root.classList.toggle("log__view--long", !target.checked));
      } else if (target.matches("[data-fold-all]")) {
        remember({ folds: target.checked });
        this.log.redraw(() => this.log.folds.foldAll(target.checked));
      }
    });
    this.#root.querySelector("[data-log-jump]").addEventListener("submit", (event) => {
      event.preventDefault();
      const [first, last] = this.line.value.match(/\d+/g).map(Number);
      this.#close();
      const hash = last === undefined ? `#L${first}` : `#L${first}-L${last}`;
      if (location.hash === hash) this.log.open(first, last ?? first);
      else location.hash = hash;
    });
    this.#root.querySelector("[data-log-start]").addEventListener("click", () => this.log.toStart());
    this.#root.querySelector("[data-log-stop]").addEventListener("click", () => this.log.toEnd());
    this.copy.addEventListener("click", () => this.#copyMarked());
    document.addEventListener("click", (event) => !this.#root.contains(event.target) && this.#close());
    this.#root.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      this.#close();
      this.#root.querySelector("summary").focus();
    });
  }

  #close() {
    this.#root.open = false;
  }

  async #copyMarked() {
    const [first, last] = this.log.maker.marked;
    const limit = Math.min(last - first + 1, MOST_COPIED);
    let lines;
    try {
      ({ lines } = await fetchJson(`${this.log.root.dataset.linesUrl}?${new URLSearchParams({ after: first - 1, limit })}`));
    } catch {
      this.log.say("BuildHub does not answer; try again.");
      return;
    }
    const texts = lines.map((line) => lineNodes(line.text).map((node) => node.textContent).join(""));
    await navigator.clipboard.writeText(texts.map((text) => `${text}\n`).join(""));
    const marked = Math.min(last, this.log.total) - first + 1;
    const isAll = texts.length >= marked;
    this.log.say(isAll ? `Copied ${counted(texts.length, "line")}.` : `Copied the first ${texts.length} of ${marked} lines.`);
  }
}
