// The files of the next runs: a folder or an archive, dropped or chosen, is sent from the page with its progress in words.
import { chosenFiles, droppedFiles, droppedItems, fileOf } from "./folder.js";
import { Refusal, sendWithProgress } from "./server.js";
import { tarOf } from "./tar.js";
import { counted, sizeWords } from "./words.js";

const ARCHIVE = /\.(tar|tar\.gz|tgz|zip)$/i;
const MANY_FILES = 20_000;
const MANY_BYTES = 100 * 1024 * 1024;
const STEP = 5; // percent: whoever listens to the page is not told more often
const CUT = "The connection was cut, or a file was changed meanwhile. Nothing was stored; try again.";
const CUT_LATE = "The connection was cut after all was sent. What is stored now is told above.";

export function startUploading(form, { onStored }) {
  const place = (name) => form.querySelector(`[data-upload-${name}]`);
  const [plain, choice, progress, said, error] = ["plain", "choice", "progress", "said", "error"].map(place);
  const [archive, folder] = [form.querySelector("[type=file][name]"), form.querySelector("[data-folder]")];
  let current = null; // of the upload that is under way

  async function upload(read) {
    if (current) return;
    current = new AbortController();
    show({ isBusy: true });
    try {
      const { body, name, note } = await read();
      if (body) await send(body, name, note);
    } catch (problem) {
      error.textContent = problem instanceof Refusal ? problem.message : `This cannot be read: ${problem.message}`;
    }
    current = null;
    show({ isBusy: false });
  }

  async function send(body, name, note) {
    if (body.size > Number(form.dataset.limit)) throw new Refusal(form.dataset.tooLarge);
    const fields = new FormData(form);
    fields.set("dataFile", body, name);
    let isSent = false;
    const tell = progressTeller(said, place("progress").querySelector("progress"));
    const onProgress = (sent, all) => {
      isSent = sent === all;
      tell(sent, all);
      if (isSent && document.activeElement === place("cancel")) said.focus({ preventScroll: true });
      place("cancel").hidden = isSent; // it may be stored already
    };
    try {
      await sendWithProgress(form.action, fields, { signal: current.signal, onProgress });
      said.textContent = `${note} Stored: the next runs use them.`.trim();
      onStored();
    } catch (problem) {
      said.textContent = "";
      if (problem.name === "AbortError") said.textContent = "Cancelled; nothing was stored.";
      else if (problem instanceof Refusal) throw problem;
      else throw new Refusal(isSent ? CUT_LATE : CUT);
      if (isSent) onStored();
    }
  }

  // The focus goes to what can be done now, where it was on what is hidden.
  function show({ isBusy }) {
    const hadFocus = form.contains(document.activeElement);
    if (isBusy) said.textContent = error.textContent = "";
    [choice.hidden, progress.hidden, place("cancel").hidden] = [isBusy, !isBusy, !isBusy];
    if (hadFocus) (isBusy ? place("cancel") : said).focus({ preventScroll: true });
    (isBusy ? addEventListener : removeEventListener)("beforeunload", ask);
  }

  async function packed({ entries, hasGit }) {
    const files = entries.filter(({ file }) => file);
    if (!files.length) throw new Refusal("There is no file in it; choose another folder.");
    const bytes = files.reduce((sum, { file }) => sum + file.size, 0);
    if (!(await isWanted(files.length, bytes))) return {};
    const note = `${counted(files.length, "file")}, ${sizeWords(bytes)}${hasGit ? "; .git is left out" : ""}.`;
    return { body: tarOf(entries), name: "files.tar", note };
  }

  async function whole(file) {
    return (await isWanted(1, file.size)) ? { body: file, name: file.name, note: `${file.name}, ${sizeWords(file.size)}.` } : {};
  }

  async function dropped(items) {
    const isArchive = items.length === 1 && !items[0].isDirectory && ARCHIVE.test(items[0].name);
    return isArchive ? whole(await fileOf(items[0])) : packed(await droppedFiles(items));
  }

  for (const [input, read] of [[folder, () => packed(chosenFiles(folder.files))], [archive, () => whole(archive.files[0])]]) {
    input.addEventListener("change", async () => {
      if (!input.files.length) return;
      await upload(read);
      input.value = ""; // the same may be chosen again
    });
  }
  form.querySelector("[data-choose=folder]").addEventListener("click", () => folder.click());
  form.querySelector("[data-choose=archive]").addEventListener("click", () => archive.click());
  form.querySelector("[data-choose=folder]").hidden = !("webkitdirectory" in folder);
  place("cancel").addEventListener("click", () => current?.abort());
  takeDrops(form, (items) => upload(() => dropped(items)));
  [plain.hidden, choice.hidden] = [true, false];
}

function ask(event) {
  event.preventDefault();
}

// Writes the bar each time, the words where another step is reached.
function progressTeller(said, bar) {
  let told = -1;
  return (sent, all) => {
    const percent = Math.floor((sent / all) * 100);
    bar.value = percent;
    const step = Math.floor(percent / STEP);
    if (step === told) return;
    told = step;
    said.textContent = sent === all ? "All is sent; BuildHub looks through it." : `${percent} % sent: ${sizeWords(sent)} of ${sizeWords(all)}.`;
  };
}

function takeDrops(zone, onDrop) {
  let depth = 0; // the elements within tell of entering and leaving too
  const isOver = (now) => {
    depth = now;
    zone.toggleAttribute("data-over", depth > 0);
  };
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  zone.addEventListener("dragenter", (event) => hasFiles(event) && isOver(depth + 1));
  zone.addEventListener("dragleave", (event) => hasFiles(event) && isOver(depth - 1));
  zone.addEventListener("dragover", (event) => hasFiles(event) && event.preventDefault());
  zone.addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    isOver(0);
    const items = droppedItems(event.dataTransfer);
    if (items.length) onDrop(items);
  });
}

// Asks before much is sent; as much as is usual is wanted.
async function isWanted(files, bytes) {
  if (files <= MANY_FILES && bytes <= MANY_BYTES) return true;
  const dialog = document.querySelector("[data-large]");
  dialog.querySelector("[data-large-said]").textContent = `${counted(files, "file")}, ${sizeWords(bytes)}.`;
  dialog.returnValue = "";
  dialog.showModal();
  await new Promise((done) => dialog.addEventListener("close", done, { once: true }));
  return dialog.returnValue === "send";
}
