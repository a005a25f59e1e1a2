// Words beside a number that changes while the page is open; what the server renders has Django's pluralize.
export function counted(count, noun) {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
