// Long instructions that have ended well, which may be folded: where they stand in the log, and which of them are folded.
import { lastUpTo } from "./log-map.js";

export class Folds {
  #sections = []; // {first, last, vertex, step}, ascending
  #turned = new Map(); // by first line: whether the reader has folded it
  isOff = false; // while only the places of a search are shown
  areFolded = false; // what goes for those that the reader has not turned himself

  learn(sections) {
    this.#sections = sections;
  }

  // Folds all of them, or none.
  foldAll(on) {
    this.areFolded = on;
    this.#turned.clear();
  }

  at(n) {
    const found = this.#sections[lastUpTo(this.#sections, n, (one) => one.first)];
    return found && n <= found.last ? found : null;
  }

  // The folded section that line `n` lies in, or null.
  foldedAt(n) {
    const found = this.at(n);
    return found && this.#isFolded(found) ? found : null;
  }

  turn(n, isFolded) {
    const found = this.at(n);
    if (found) this.#turned.set(found.first, isFolded);
  }

  get folded() {
    return this.#sections.filter((one) => this.#isFolded(one)).map(({ first, last }) => [first, last]);
  }

  #isFolded(section) {
    return !this.isOff && (this.#turned.get(section.first) ?? this.areFolded);
  }
}
