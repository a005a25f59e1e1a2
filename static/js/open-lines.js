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

const streamOf = (line) => `${line.step} ${line.vertex} ${line.stream}`;

export class OpenLines {
  #newest = null; // the frame that waits to be drawn
  #shown; // what stands there: the lines, null where the server has put them into the page, and behind which one

  constructor(log) {
    this.log = log;
    this.#shown = { lines: null, last: log.total };
  }

  // The lines that were finished come first: this is drawn right behind them, so that no line is ever seen twice.
  take(frame) {
    const isDue = this.#newest !== null;
    this.#newest = frame;
    if (isDue) return;
    this.log.behindLines(() => {
      const newest = this.#newest;
      this.#newest = null;
      this.#draw(newest);
    });
  }

  // What these lines finish is open no longer: they may be painted before the frame comes that says so.
  finish(lines) {
    const { lines: open, last } = this.#shown;
    const news = lines.filter((line) => line.n > last);
    if (!news.length) return;
    const streams = new Set(news.map(streamOf));
    const left = open?.filter((line) => !streams.has(streamOf(line))) ?? [];
    if (left.length !== open?.length) this.#draw({ lines: left, last });
  }

  #draw({ lines, last: behind }) {
    this.#shown = { lines, last: behind };
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
