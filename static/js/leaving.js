// A form that was changed asks before the page is left without it being sent.
const sent = (form) => JSON.stringify([...new FormData(form)].map(([name, value]) => [name, value.name ?? value]));

function ask(event) {
  event.preventDefault();
}

function guard(form) {
  const before = form.dataset.keep === "changed" ? "" : sent(form); // what was refused is not stored either
  const look = () => (sent(form) === before ? removeEventListener : addEventListener)("beforeunload", ask);
  const letGo = () => removeEventListener("beforeunload", ask);
  for (const kind of ["input", "change"]) form.addEventListener(kind, look);
  form.addEventListener("submit", letGo);
  form.querySelector("[data-discard]")?.addEventListener("click", letGo);
  look();
}

export function startGuarding() {
  for (const form of document.querySelectorAll("form[data-keep]")) guard(form);
}
