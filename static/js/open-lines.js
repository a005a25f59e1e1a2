// What is printed and not finished: it stands behind the last line, and is drawn anew whenever it has grown.
// Makes a row of the log one without number: a number is for a line that is stored.
function unnumbered(row) {
  const mark = document.createElement("span");
  mark.className = "log__n";
  mark.title = "This line is not finished";
  mark.textContent = "…";
  row.querySelector(".log__n").replaceWith(mark);
  row.classList.add("log__line--open");
  row.removeAttribute("id");
  delete row.dataset.line;
}

export class OpenLines {
  #newest = null; // what waits to be drawn

  constructor(log) {
    this.log = log;
  }

  // The lines that were finished come first: this is drawn right behind them, so that no line is ever seen twice.
  take(lines) {
    const isDue = this.#newest !== null;
    this.#newest = lines;
    if (isDue) return;
    this.log.behindLines(() => {
      const newest = this.#newest;
      this.#newest = null;
      this.#draw(newest);
    });
  }

  #draw(lines) {
    const rows = [];
    let last = this.log.window.lastRow;
    for (const line of lines) {
      const made = this.log.maker.make(line, last);
      unnumbered(made.at(-1));
      rows.push(...made);
      last = line;
    }
    this.log.showOpen(rows);
  }
}
