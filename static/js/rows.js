// Adds a row to a list of a form. Without scripts the two empty rows are what there is; each save brings two more.
import { nodesOf } from "./server.js";

function startAdding(button) {
  const list = button.closest("[data-rows]");
  const total = list.querySelector("[name$='-TOTAL_FORMS']");

  function add() {
    const row = nodesOf(list.querySelector("[data-row]").innerHTML.replaceAll("__prefix__", total.value)).firstElementChild;
    total.value = Number(total.value) + 1;
    list.querySelector("[data-rows-list]").append(row);
    row.querySelector("input").focus();
  }

  button.addEventListener("click", add);
  button.hidden = false;
}

for (const button of document.querySelectorAll("[data-add-row]")) startAdding(button);
