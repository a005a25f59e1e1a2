// Marks what is searched for within a line: every place where its text holds it in any case, also across colours.
export function markText(text, wanted) {
  const whole = text.textContent.toLowerCase();
  const folded = wanted.toLowerCase();
  let at = whole.indexOf(folded);
  if (at < 0 || whole.length !== text.textContent.length) return;
  const places = [];
  for (; at >= 0; at = whole.indexOf(folded, at + folded.length)) places.push([at, at + folded.length]);
  let offset = 0;
  for (const node of textNodes(text)) {
    const [begin, end] = [offset, offset + node.length];
    offset = end;
    const within = places.filter(([from, to]) => from < end && to > begin);
    for (const [from, to] of within.reverse()) wrap(node, Math.max(from - begin, 0), Math.min(to - begin, node.length));
  }
}

export function unmarkText(text) {
  const marks = text.querySelectorAll("mark");
  for (const mark of marks) mark.replaceWith(...mark.childNodes);
  if (marks.length) text.normalize();
}

function textNodes(root) {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  const nodes = [];
  while (walker.nextNode()) nodes.push(walker.currentNode);
  return nodes;
}

function wrap(node, from, to) {
  node.splitText(to);
  const mark = document.createElement("mark");
  const part = node.splitText(from);
  part.replaceWith(mark);
  mark.append(part);
}
