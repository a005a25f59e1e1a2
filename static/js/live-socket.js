// A socket that comes back: waits longer after each failure, asks `address()` anew each time, shows when it is away.
// A connection that is frozen says nothing and does not close: each beat asks for an answer, and a beat without any
// since the one before counts as a loss. So it is noticed within two beats.
const FIRST_WAIT = 500;
const LONGEST_WAIT = 15000;
const BEAT = 4000;
const DONE = 1000;
const ABNORMAL = 1006; // nothing was said at the end: the line is cut, or the handshake was refused
const NO_ENTRY = [4401, 4403];

export class LiveSocket {
  #wait = FIRST_WAIT;
  #socket = null;
  #timer = 0;
  #beats = 0;
  #over = false;
  #isQuiet = false;
  #away = document.querySelector("[data-away]");
  #ended = document.querySelector("[data-live-ended]");

  constructor(address, { onFrame, onAway = () => {}, onBack = () => {} }) {
    Object.assign(this, { address, onFrame, onAway, onBack });
    addEventListener("online", () => this.#now());
    addEventListener("pageshow", (event) => event.persisted && this.#now());
    addEventListener("pagehide", () => this.#leave());
    this.#beats = setInterval(() => this.#beat(), BEAT);
    this.#open();
  }

  stop() {
    this.#over = true;
    this.#away.hidden = true;
    clearTimeout(this.#timer);
    clearInterval(this.#beats);
    this.#leave();
  }

  #open() {
    const url = new URL(this.address(), location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(url);
    this.#socket = socket;
    this.#isQuiet = false;
    socket.addEventListener("open", () => socket === this.#socket && this.#opened());
    socket.addEventListener("message", (event) => socket === this.#socket && this.#take(JSON.parse(event.data)));
    socket.addEventListener("close", (event) => this.#closed(socket, event.code));
  }

  #opened() {
    this.#isQuiet = false;
    this.#wait = FIRST_WAIT;
    const wasAway = !this.#away.hidden;
    this.#away.hidden = true;
    if (wasAway) this.onBack();
  }

  #take(frame) {
    this.#isQuiet = false;
    if (frame.type !== "pong") this.onFrame(frame);
  }

  #beat() {
    const socket = this.#socket;
    if (!socket) return;
    if (this.#isQuiet) {
      this.#closed(socket, ABNORMAL);
      socket.close(); // may take long where nobody answers; nothing waits for it
      return;
    }
    this.#isQuiet = true;
    if (socket.readyState === WebSocket.OPEN) socket.send('{"type":"ping"}');
  }

  #closed(socket, code) {
    if (socket !== this.#socket) return;
    this.#socket = null;
    if (this.#over || code === DONE) return;
    if (NO_ENTRY.includes(code)) {
      this.#end();
      return;
    }
    this.#away.hidden = false;
    this.onAway();
    this.#timer = setTimeout(() => this.#now(), this.#wait * (0.8 + Math.random() * 0.4));
    this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT);
    if (code === ABNORMAL) this.#askWhy();
  }

  // A refused handshake looks like a cut line. The page itself is asked: is it still for this reader?
  async #askWhy() {
    try {
      const answer = await fetch(location.href, { method: "HEAD", redirect: "manual", cache: "no-store" });
      if (answer.type === "opaqueredirect" || [403, 404].includes(answer.status)) this.#end();
    } catch {
      // nobody answers: the line is cut indeed
    }
  }

  // Signed out, or no longer allowed: trying again cannot help.
  #end() {
    this.stop();
    this.#ended.hidden = false;
  }

  // Leaving is no loss of the connection.
  #leave() {
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  #now() {
    clearTimeout(this.#timer);
    if (!this.#over && !this.#socket) this.#open();
  }
}
