// Words beside a number that changes while the page is open; what the server renders has Django's pluralize.
export function counted(count, noun) {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

// A size in bytes as the server's pages have it (builds/pages/words.py).
export function sizeWords(size) {
  const unit = ["GiB", "MiB", "KiB"].findIndex((_, place) => size >= 1024 ** (3 - place));
  return unit < 0 ? `${size} bytes` : `${(size / 1024 ** (3 - unit)).toFixed(1)} ${["GiB", "MiB", "KiB"][unit]}`;
}
