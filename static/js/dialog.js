// Questions: a control with data-ask shows its question in place instead of on a page of its own.
import { fetchPart, nodesOf } from "./server.js";

async function ask(link) {
  let html;
  try {
    html = await fetchPart(link.href, "dialog");
  } catch {
    location.assign(link.href); // the page of the question says what is the matter
    return;
  }
  const dialog = nodesOf(html).querySelector("dialog");
  dialog.removeAttribute("open"); // showModal sets it again, with focus kept inside
  document.body.append(dialog);
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (link.isConnected) link.focus();
  });
  dialog.showModal();
  dialog.querySelector("[data-dismiss]").focus();
}

function onClick(event) {
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  const link = event.target.closest("[data-ask]");
  if (link) {
    event.preventDefault();
    ask(link);
    return;
  }
  const dialog = event.target.closest("[data-dismiss]")?.closest("dialog:modal");
  if (dialog) {
    event.preventDefault();
    dialog.close();
  }
}

export function startDialogs() {
  document.addEventListener("click", onClick);
}
