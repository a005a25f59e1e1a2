// Terminal output for the eye, by the same rules as builds/pages/ansi.py (tests/vectors/ansi.json runs through both):
// colours become classes, every other control sequence becomes a visible mark. Only text nodes are made, so nothing
// that was printed can act.
import { changedBy, inkOf } from "./ink.js";
import { classesOf } from "./palette.js";
import { counted } from "./words.js";

// eslint-disable-next-line no-control-regex, no-misleading-character-class
const TOKEN = /\x1b\[([0-9;:]*)m|\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]?|[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;
const UNSEEN = {
  "\u061c": "Direction mark U+061C arabic letter mark",
  "\u200b": "Invisible character U+200B zero width space",
  "\u200e": "Direction mark U+200E left-to-right mark",
  "\u200f": "Direction mark U+200F right-to-left mark",
  "\u2028": "Line break U+2028 line separator",
  "\u2029": "Line break U+2029 paragraph separator",
  "\u202a": "Direction mark U+202A left-to-right embedding",
  "\u202b": "Direction mark U+202B right-to-left embedding",
  "\u202c": "Direction mark U+202C pop directional formatting",
  "\u202d": "Direction mark U+202D left-to-right override",
  "\u202e": "Direction mark U+202E right-to-left override",
  "\u2066": "Direction mark U+2066 left-to-right isolate",
  "\u2067": "Direction mark U+2067 right-to-left isolate",
  "\u2068": "Direction mark U+2068 first strong isolate",
  "\u2069": "Direction mark U+2069 pop directional isolate",
  "\ufeff": "Invisible character U+FEFF zero width no-break space",
};
const TO_START = ["\r", "\x1b[G", "\x1b[1G"];
const TO_END_ERASED = ["\x1b[K", "\x1b[0K"];
const LINE_ERASED = "\x1b[2K";
// eslint-disable-next-line no-control-regex
const LINK = /^\x1b\]8;[^;]*;([^]*?)(?:\x07|\x1b\\)$/;
const MARK = "ansi-mark";
const LONGEST = 4000; // characters of a line
const LONGEST_TITLE = 80;
const ESCAPES = { "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r" };

// As Python's unicode_escape has it.
function escaped(text) {
  return [...text].map((character) => {
    const code = character.codePointAt(0);
    if (ESCAPES[character]) return ESCAPES[character];
    if (code >= 0x20 && code < 0x7f) return character;
    const [kind, digits] = code < 0x100 ? ["x", 2] : code < 0x10000 ? ["u", 4] : ["U", 8];
    return `\\${kind}${code.toString(16).padStart(digits, "0")}`;
  }).join("");
}

// A line while it is drawn: a return to its start begins it anew once something is drawn again.
class Drawing {
  parts = [];
  #written = []; // the parts that a backspace takes characters from
  #isAtStart = false;
  #ink;
  #look;
  #link = { address: "", sequence: "", isShown: false };

  constructor(ink) {
    this.#ink = ink;
    this.#look = this.#lookNow();
  }

  write(text) {
    if (!text) return;
    this.#beginAnewAtStart();
    const part = { text, ...this.#look };
    this.#written.push(part);
    this.parts.push(part);
    this.#link.isShown = true;
  }

  obey([sequence, parameters]) {
    const link = LINK.exec(sequence);
    if (parameters !== undefined) {
      this.#ink = changedBy(this.#ink, parameters);
      this.#look = this.#lookNow();
    } else if (TO_START.includes(sequence)) this.#isAtStart = true;
    else if (sequence === LINE_ERASED || (TO_END_ERASED.includes(sequence) && this.#isAtStart)) this.#erase();
    else if (sequence === "\b") this.#takeBack();
    else if (link) this.linkTo(link[1], sequence);
    else if (!TO_END_ERASED.includes(sequence)) this.#mark(sequence);
  }

  // Lets what follows be a link, none where the address is empty. A link that has shown no text gets a mark.
  linkTo(address, sequence) {
    if (this.#link.address && !this.#link.isShown) this.#mark(this.#link.sequence);
    this.#link = { address, sequence, isShown: false };
    this.#look = this.#lookNow();
  }

  #mark(sequence) {
    const code = sequence.charCodeAt(0);
    const picture = code < 0x20 ? String.fromCharCode(0x2400 + code) : code === 0x7f ? "\u2421" : "\ufffd";
    this.#beginAnewAtStart();
    this.parts.push(UNSEEN[sequence]
      ? { text: `U+${code.toString(16).toUpperCase().padStart(4, "0")}`, classes: MARK, title: UNSEEN[sequence] }
      : { text: picture, classes: MARK, title: `Control sequence ${escaped([...sequence].slice(0, LONGEST_TITLE).join(""))}` });
  }

  #beginAnewAtStart() {
    if (this.#isAtStart) this.#erase();
    this.#isAtStart = false;
  }

  #erase() {
    this.parts = [];
    this.#written = [];
  }

  #takeBack() {
    const part = this.#written.at(-1);
    if (!part || this.#isAtStart) return;
    part.text = part.text.replace(/.$/su, "");
    if (!part.text) this.#written.pop();
  }

  #lookNow() {
    const { address } = this.#link;
    return {
      classes: [classesOf(this.#ink), address && "ansi-link"].filter(Boolean).join(" "),
      title: [address && `Link ${escaped(address)}`, this.#ink.styles.has("conceal") && "Concealed text"].filter(Boolean).join("; "),
    };
  }
}

function piece({ text, classes, title }) {
  if (!classes) return document.createTextNode(text);
  const span = document.createElement("span");
  span.className = classes;
  span.textContent = text;
  if (title) span.title = title;
  return span;
}

// Parts beside each other that look the same are one; marks stay apart.
function joined(parts) {
  const found = [];
  for (const part of parts.filter((one) => one.text)) {
    const before = found.at(-1);
    const isSame = before && part.classes !== MARK && before.classes === part.classes && before.title === part.title;
    if (isSame) before.text += part.text;
    else found.push({ ...part });
  }
  return found;
}

// `ink`: SGR parameters of the ink in which the line begins.
export function lineNodes(text, ink = "") {
  const characters = text.length > LONGEST ? [...text] : [];
  const cut = Math.max(characters.length - LONGEST, 0);
  const shown = cut ? characters.slice(0, LONGEST).join("") : text;
  const drawing = new Drawing(inkOf(ink));
  let at = 0;
  for (const token of shown.matchAll(TOKEN)) {
    drawing.write(shown.slice(at, token.index));
    at = token.index + token[0].length;
    drawing.obey(token);
  }
  drawing.write(shown.slice(at));
  drawing.linkTo("", "");
  const nodes = joined(drawing.parts).map(piece);
  if (cut) {
    nodes.push(piece({ text: `… ${counted(cut, "more character")} of this line stand in the raw log`, classes: MARK, title: "" }));
  }
  return nodes;
}
