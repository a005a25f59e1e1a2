// Line numbers beside the Dockerfile; the textarea works alone without them.
for (const editor of document.querySelectorAll("[data-editor]")) {
  const [numbers, text] = [editor.querySelector("[data-numbers]"), editor.querySelector("textarea")];
  const count = () => {
    const lines = text.value.split("\n").length;
    numbers.textContent = Array.from({ length: lines }, (_, index) => index + 1).join("\n");
    numbers.scrollTop = text.scrollTop;
  };
  text.addEventListener("input", count);
  text.addEventListener("scroll", () => { numbers.scrollTop = text.scrollTop; }, { passive: true });
  count();
}
