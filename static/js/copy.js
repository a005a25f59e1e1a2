// Copies the value beside a button. Shown only where the browser lets pages write to the clipboard.
const SHOWN = 1500;

export function showCopyButtons(root = document) {
  if (!navigator.clipboard) return;
  for (const button of root.querySelectorAll("[data-copy][hidden]")) button.hidden = false;
}

async function copy(button) {
  const value = button.closest(".copy")?.querySelector(".copy__value")?.textContent ?? "";
  const use = button.querySelector("use");
  try {
    await navigator.clipboard.writeText(value);
    use?.setAttribute("href", "#i-check");
  } catch {
    use?.setAttribute("href", "#i-warn");
  }
  setTimeout(() => use?.setAttribute("href", "#i-copy"), SHOWN);
}

export function startCopying() {
  showCopyButtons();
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (button) copy(button);
  });
}
