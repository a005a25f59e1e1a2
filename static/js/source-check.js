// The button that tries a repository shows its answer in place; without scripts it sends the form and the page says it.
import { nodesOf, postPart } from "./server.js";

const ASKED = new Set(["repositoryUrl", "commonType", "userId", "password", "privateKey", "knownHosts", "httpSslVerifySkip"]);

function startChecking(button) {
  const form = button.form;
  const place = form.querySelector("[data-checked]");
  let asked = 0;

  async function check(event) {
    event.preventDefault();
    const own = ++asked;
    place.textContent = "Asking the repository …";
    let html;
    try {
      html = await postPart(form, button, "source");
    } catch (error) {
      if (own === asked) place.textContent = error.message;
      return;
    }
    if (own === asked) place.replaceChildren(nodesOf(html));
  }

  // What was found holds for what was asked: an answer to another address would be a false one.
  function forget(event) {
    if (!ASKED.has(event.target.name)) return;
    asked += 1;
    place.textContent = "";
  }

  button.addEventListener("click", check);
  form.addEventListener("input", forget);
}

for (const button of document.querySelectorAll("[data-check]")) startChecking(button);
