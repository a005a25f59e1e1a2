// The 256 colours in which terminal output is shown, by the same rules as builds/pages/palette.py; the classes stand in
// css/components/ansi.css.
import { STYLES, TRUE_COLOUR } from "./ink.js";

const NAMED_COLOURS = [
  0x000000, 0xcd3131, 0x0dbc79, 0xe5e510, 0x2472c8, 0xbc3fbc, 0x11a8cd, 0xe5e5e5,
  0x666666, 0xf14c4c, 0x23d18b, 0xf5f543, 0x3b8eea, 0xd670d6, 0x29b8db, 0xffffff,
];
const LEVELS = [0, 95, 135, 175, 215, 255];
const CUBE = LEVELS.flatMap((red) => LEVELS.flatMap((green) => LEVELS.map((blue) => (red << 16) | (green << 8) | blue)));
const GREYS = Array.from({ length: 24 }, (_, step) => (8 + 10 * step) * 0x010101);
const PALETTE = [...NAMED_COLOURS, ...CUBE, ...GREYS];
const FIRST_OF_CUBE = 16;
const FIRST_GREY = 232;
const BLACK = 16;
const WHITE = 231;
const LEAST_CONTRAST = 4.5; // WCAG 2.2, 1.4.3

const channels = (colour) => [(colour >> 16) & 0xff, (colour >> 8) & 0xff, colour & 0xff];

// The place in the palette of a colour of an ink; of a true colour the nearest one's, not of the first 16.
function placeOf(colour) {
  if (colour < TRUE_COLOUR) return colour;
  const wanted = channels(colour);
  const [red, green, blue] = wanted.map((value) => (value < 48 ? 0 : value < 115 ? 1 : Math.floor((value - 35) / 40)));
  const inCube = FIRST_OF_CUBE + 36 * red + 6 * green + blue;
  const sum = wanted[0] + wanted[1] + wanted[2];
  const grey = FIRST_GREY + Math.min(Math.max(Math.floor((sum - 9) / 30), 0), 23);
  const distance = (place) => channels(PALETTE[place]).reduce((all, value, at) => all + (value - wanted[at]) ** 2, 0);
  return distance(grey) < distance(inCube) ? grey : inCube;
}

function luminance(colour) {
  const shares = channels(colour).map((value) => value / 255);
  const [red, green, blue] = shares.map((share) => (share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

const LUMINANCES = PALETTE.map(luminance);

function contrast(one, other) {
  const [lighter, darker] = [LUMINANCES[one], LUMINANCES[other]].sort((left, right) => right - left);
  return (lighter + 0.05) / (darker + 0.05);
}

const legibleOn = (place) => (contrast(BLACK, place) >= contrast(WHITE, place) ? BLACK : WHITE);

// The CSS classes that show an ink, readable whatever its colours are.
export function classesOf(ink) {
  let [foreground, background] = [ink.foreground, ink.background].map((colour) => (colour === null ? null : placeOf(colour)));
  const names = Object.values(STYLES).filter((style) => style !== "inverse" && ink.styles.has(style));
  if (ink.styles.has("inverse")) {
    if (foreground === null && background === null) names.push("inverse");
    [foreground, background] = [background, foreground];
    if (background === null && foreground !== null) background = legibleOn(foreground);
  }
  if (background !== null) {
    if (foreground === null || contrast(foreground, background) < LEAST_CONTRAST) foreground = legibleOn(background);
    names.push(`on-${foreground}`, `bg-${background}`);
  } else if (foreground !== null) names.push(`fg-${foreground}`);
  return names.map((name) => `ansi-${name}`).join(" ");
}
