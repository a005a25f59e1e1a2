// Terminal output for the eye, by the same rules as builds/pages/ansi.py: colours become classes, every other
// control sequence becomes a visible mark. Only text nodes are made, so nothing that was printed can act.
import { counted } from "./words.js";

const COLOURS = ["grey", "red", "green", "yellow", "blue", "magenta", "cyan", ""];
const STYLES = { 1: "bold", 2: "dim", 3: "italic", 4: "underline" };
const OFF = { 22: ["bold", "dim"], 23: ["italic"], 24: ["underline"] };
// eslint-disable-next-line no-control-regex
const TOKEN = /\x1b\[([0-9;:]*)m|\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]?|[\x00-\x08\x0a-\x1f\x7f-\x9f]/g;
const LONGEST = 4000;
const MOST_CODES = 32;

function applyCode(ink, code) {
  if (code === 0) Object.assign(ink, { colour: "", styles: new Set() });
  else if (STYLES[code]) ink.styles.add(STYLES[code]);
  else if (OFF[code]) for (const style of OFF[code]) ink.styles.delete(style);
  else if (code >= 30 && code <= 37) ink.colour = COLOURS[code - 30];
  else if (code >= 90 && code <= 97) ink.colour = COLOURS[code - 90];
  else if (code === 39) ink.colour = "";
}

// 38, 48 and 58 are followed by `5;n` or `2;r;g;b`; of these only the 16 named inks are shown.
function applyExtended(ink, codes, at) {
  if (codes[at + 1] === 5) {
    const number = codes[at + 2] ?? 0;
    if (codes[at] === 38) ink.colour = number < 16 ? COLOURS[number % 8] : "";
    return at + 2;
  }
  return codes[at + 1] === 2 ? at + 4 : at + 1;
}

function applyCodes(ink, text) {
  const codes = text.replaceAll(":", ";").split(";").slice(0, MOST_CODES).map((word) => Number(word.slice(0, 6)));
  for (let at = 0; at < codes.length; at += 1) {
    if (codes[at] === 38 || codes[at] === 48 || codes[at] === 58) at = applyExtended(ink, codes, at);
    else applyCode(ink, codes[at]);
  }
}

function piece(text, classes, title) {
  if (!classes) return document.createTextNode(text);
  const span = document.createElement("span");
  span.className = classes;
  span.textContent = text;
  if (title) span.title = title;
  return span;
}

const classesOf = (ink) => [...[...ink.styles].sort(), ink.colour].filter(Boolean).map((name) => `ansi-${name}`).join(" ");

function mark(sequence) {
  const code = sequence.charCodeAt(0);
  const character = code < 0x20 ? String.fromCharCode(0x2400 + code) : code === 0x7f ? "\u2421" : "\ufffd";
  return piece(character, "ansi-mark", `Control sequence ${JSON.stringify(sequence.slice(0, 80))}`);
}

export function lastDrawn(text) {
  const ended = text.replace(/\r+$/, "");
  return ended.slice(ended.lastIndexOf("\r") + 1);
}

export function lineNodes(text) {
  const nodes = [];
  const shown = lastDrawn(text.slice(0, LONGEST));
  const ink = { colour: "", styles: new Set() };
  let at = 0;
  for (const token of shown.matchAll(TOKEN)) {
    if (token.index > at) nodes.push(piece(shown.slice(at, token.index), classesOf(ink)));
    at = token.index + token[0].length;
    if (token[1] === undefined) nodes.push(mark(token[0]));
    else applyCodes(ink, token[1]);
  }
  if (at < shown.length) nodes.push(piece(shown.slice(at), classesOf(ink)));
  if (text.length > LONGEST) {
    nodes.push(piece(`… ${counted(text.length - LONGEST, "more character")} of this line stand in the raw log`, "ansi-mark"));
  }
  return nodes;
}
