// Which lines of the log are shown, in order: all of them, all but folded ones, or the places of a search. A row is a line
// that is shown, counted from 0; rows and lines are told from each other without going through what lies between.
export class LineMap {
  #ranges; // [first, last] line, ascending and apart
  #begins = []; // row of each range's first line
  rows = 0;

  constructor(ranges) {
    this.#ranges = ranges;
    for (const [first, last] of ranges) {
      this.#begins.push(this.rows);
      this.rows += last - first + 1;
    }
  }

  // All lines up to `total`, but of each fold, [first, last], its first line alone.
  static folded(total, folds) {
    const ranges = [];
    let next = 1;
    for (const [first, last] of folds) {
      ranges.push([next, first]);
      next = last + 1;
    }
    if (next <= total) ranges.push([next, total]);
    return new LineMap(ranges);
  }

  lineOf(row) {
    const at = lastUpTo(this.#begins, row);
    return this.#ranges[at][0] + row - this.#begins[at];
  }

  // The row of line `n`, or of the next line that is shown; behind the last row where there is none.
  rowOf(n) {
    const at = lastUpTo(this.#ranges, n, ([first]) => first);
    if (at < 0) return 0;
    const [first, last] = this.#ranges[at];
    return this.#begins[at] + Math.min(n, last + 1) - first;
  }

  has(n) {
    const row = this.rowOf(n);
    return row < this.rows && this.lineOf(row) === n;
  }

  // The lines of the rows from `from` to before `to`, as [first, last].
  *within(from, to) {
    for (let row = from; row < to; ) {
      const at = lastUpTo(this.#begins, row);
      const first = this.#ranges[at][0] + row - this.#begins[at];
      const last = Math.min(this.#ranges[at][1], first + to - row - 1);
      yield [first, last];
      row += last - first + 1;
    }
  }
}

// The place of the last item whose key is at most `wanted`, -1 where there is none; keys ascend.
export function lastUpTo(items, wanted, keyOf = (item) => item) {
  let [low, high] = [0, items.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (keyOf(items[middle]) <= wanted) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
