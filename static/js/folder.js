// The files of a folder that was chosen or dropped, as { path, file } with paths within it. `.git` is left out.
const GIT = ".git";

// Of an <input webkitdirectory>; it tells of no empty folder. Each path begins with the folder's own name.
export function chosenFiles(list) {
  const all = [...list].map((file) => ({ path: file.webkitRelativePath.split("/").slice(1), file }));
  const kept = all.filter(({ path }) => !path.slice(0, -1).includes(GIT));
  return { entries: kept.map(({ path, file }) => ({ path: path.join("/"), file })), hasGit: kept.length < all.length };
}

// What a drop holds has to be taken while its event is handled; after that it is gone.
export function droppedItems(transfer) {
  const items = [...transfer.items].filter((item) => item.kind === "file");
  return items.map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile()).filter(Boolean);
}

// One folder alone is what is uploaded; of several things each keeps its name.
export async function droppedFiles(items) {
  const found = { entries: [], hasGit: false };
  if (items.length === 1 && items[0].isDirectory) await walk(items[0], "", found);
  else for (const item of items) await take(item, "", found);
  return found;
}

export const fileOf = (item) => (item instanceof File ? item : new Promise((done, fail) => item.file(done, fail)));

async function take(item, above, found) {
  if (!item.isDirectory) found.entries.push({ path: above + item.name, file: await fileOf(item) });
  else if (item.name === GIT) found.hasGit = true;
  else await walk(item, `${above}${item.name}/`, found);
}

async function walk(folder, path, found) {
  const inside = await childrenOf(folder);
  if (!inside.length && path) found.entries.push({ path });
  for (const item of inside) await take(item, path, found);
}

// A reader gives some at a time, and none at the end.
async function childrenOf(folder) {
  const [reader, all] = [folder.createReader(), []];
  for (;;) {
    const some = await new Promise((done, fail) => reader.readEntries(done, fail));
    if (!some.length) return all;
    all.push(...some);
  }
}
