// The ink of terminal output: what its SGR sequences (ECMA-48, section 8.3.117) set, by the same rules as
// builds/domain/log/ink.py and colours.py. A colour is a place in the palette, or TRUE_COLOUR with 0xRRGGBB beside it.
export const STYLES = { 1: "bold", 2: "dim", 3: "italic", 4: "underline", 7: "inverse", 8: "conceal", 9: "strike" };
export const TRUE_COLOUR = 1 << 24;
const OFF = {
  22: ["bold", "dim"], 23: ["italic"], 24: ["underline"], 27: ["inverse"], 28: ["conceal"], 29: ["strike"],
};
const DOUBLE_UNDERLINE = 21;
const FOREGROUND = 38; // what follows says which; 39 is the default again
const BACKGROUND = 48;
const UNDERLINE = 58; // read, so that its numbers are not taken for others, and not shown
const MOST_PARAMETERS = 32;
const PARAMETERS = { 5: 1, 2: 3 }; // behind the kind of a colour: its place in the palette, or red, green and blue
const DEFAULT = { foreground: null, background: null, styles: new Set() };
const NAMED = [[30, "foreground", 0], [40, "background", 0], [90, "foreground", 8], [100, "background", 8]];

// The colour that `5:n` or `2:r:g:b` behind 38, 48 or 58 names, of the same parameter or of those that follow, or null.
function extendedColour(within, following) {
  let [kind, ...values] = within;
  if (!within.length) {
    kind = following.next().value?.[0] ?? 0;
    for (let left = PARAMETERS[kind] ?? 0; left > 0; left -= 1) values.push(...(following.next().value ?? []).slice(0, 1));
  } else if (kind === 2 && values.length > 3) values = values.slice(1, 4);
  if (values.length !== PARAMETERS[kind] || Math.max(...values) > 255) return null;
  return kind === 5 ? values[0] : TRUE_COLOUR + values[0] * 65536 + values[1] * 256 + values[2];
}

function coloured(ink, code, colour) {
  if (code === FOREGROUND) return { ...ink, foreground: colour };
  return code === BACKGROUND ? { ...ink, background: colour } : ink;
}

function changedByOne(ink, code, rest) {
  if (code === 0) return DEFAULT;
  if ((STYLES[code] && rest[0] !== 0) || code === DOUBLE_UNDERLINE) {
    return { ...ink, styles: new Set([...ink.styles, STYLES[code] ?? "underline"]) };
  }
  const off = OFF[code] ?? (STYLES[code] ? [STYLES[code]] : null);
  if (off) return { ...ink, styles: new Set([...ink.styles].filter((style) => !off.includes(style))) };
  if (code === FOREGROUND + 1 || code === BACKGROUND + 1) return coloured(ink, code - 1, null);
  const named = NAMED.find(([first]) => code >= first && code < first + 8);
  return named ? { ...ink, [named[1]]: named[2] + code - named[0] } : ink;
}

// The ink once `parameters`, what stands between ESC [ and m, are obeyed; unknown ones are not.
export function changedBy(ink, parameters) {
  const words = parameters.split(";").slice(0, MOST_PARAMETERS);
  const groups = words.map((word) => word.split(":").map((number) => Number(number.slice(0, 6)))).values();
  let changed = ink;
  for (let group = groups.next(); !group.done; group = groups.next()) {
    const [code, ...rest] = group.value;
    if (code === FOREGROUND || code === BACKGROUND || code === UNDERLINE) {
      const colour = extendedColour(rest, groups);
      if (colour !== null) changed = coloured(changed, code, colour);
    } else changed = changedByOne(changed, code, rest);
  }
  return changed;
}

// The ink that SGR parameters set on the default one, none for the default.
export const inkOf = (parameters) => (parameters ? changedBy(DEFAULT, parameters) : DEFAULT);
