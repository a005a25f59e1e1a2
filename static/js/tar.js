// Packs files into a tar (POSIX ustar; pax headers where a name or a size does not fit). What comes out is a Blob of
// parts: the files stay on the disk until they are sent.
const BLOCK = 512;
const LONGEST_NAME = 100;
const LARGEST_SIZE = 8 ** 11 - 1;
const MODE = 0o755; // a browser does not tell which files are executable, so all are, as docker build has it on Windows
const encoder = new TextEncoder();

// `entries` are { path, file }: of an empty folder the path ends with a / and there is no file.
export function tarOf(entries) {
  const parts = entries.flatMap(({ path, file }) => entry(path, file));
  return new Blob([...parts, new Uint8Array(2 * BLOCK)], { type: "application/x-tar" });
}

function entry(path, file) {
  const [name, size, modified] = [encoder.encode(path), file?.size ?? 0, Math.max(Math.floor((file?.lastModified ?? 0) / 1000), 0)];
  const isPlain = name.length <= LONGEST_NAME && name.length === path.length && size <= LARGEST_SIZE;
  const pax = isPlain ? [] : paxHeader({ path, size });
  const head = header(name.subarray(0, LONGEST_NAME), { size: Math.min(size, LARGEST_SIZE), modified, kind: file ? "0" : "5" });
  return [...pax, head, ...(file ? [file, padding(size)] : [])];
}

function paxHeader(records) {
  const text = Object.entries(records).map(([key, value]) => record(` ${key}=${value}\n`)).join("");
  const bytes = encoder.encode(text);
  return [header(encoder.encode("pax"), { size: bytes.length, modified: 0, kind: "x" }), bytes, padding(bytes.length)];
}

// A record begins with its own length in bytes, the digits of that included.
function record(rest) {
  const length = encoder.encode(rest).length;
  const guess = length + String(length).length;
  return `${length + String(guess).length}${rest}`;
}

function header(name, { size, modified, kind }) {
  const block = new Uint8Array(BLOCK);
  const put = (at, text) => block.set(encoder.encode(text), at);
  const octal = (at, length, number) => put(at, number.toString(8).padStart(length - 1, "0"));
  block.set(name, 0);
  octal(100, 8, MODE);
  octal(108, 8, 0);
  octal(116, 8, 0);
  octal(124, 12, size);
  octal(136, 12, modified);
  put(148, " ".repeat(8)); // the sum is made with blanks in its own place
  put(156, kind);
  put(257, "ustar\u000000");
  octal(148, 7, block.reduce((sum, byte) => sum + byte, 0));
  return block;
}

const padding = (size) => new Uint8Array((BLOCK - (size % BLOCK)) % BLOCK);
