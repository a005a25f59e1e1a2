// A socket that comes back: waits longer after each failure, asks `address()` anew each time, tells when it is away.
const FIRST_WAIT = 500;
const LONGEST_WAIT = 15000;
const PING = 25000;
const DONE = 1000;

export class LiveSocket {
  #wait = FIRST_WAIT;
  #socket = null;
  #timer = 0;
  #over = false;

  constructor(address, { onFrame, onAway, onBack }) {
    Object.assign(this, { address, onFrame, onAway, onBack });
    addEventListener("online", () => this.#now());
    addEventListener("pageshow", (event) => event.persisted && this.#now());
    addEventListener("pagehide", () => this.#leave());
    setInterval(() => this.#socket?.readyState === WebSocket.OPEN && this.#socket.send('{"type":"ping"}'), PING);
    this.#open();
  }

  stop() {
    this.#over = true;
    clearTimeout(this.#timer);
  }

  #open() {
    const url = new URL(this.address(), location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(url);
    this.#socket = socket;
    socket.addEventListener("open", () => {
      this.#wait = FIRST_WAIT;
      this.onBack();
    });
    socket.addEventListener("message", (event) => this.onFrame(JSON.parse(event.data)));
    socket.addEventListener("close", (event) => this.#closed(socket, event.code));
  }

  #closed(socket, code) {
    if (socket !== this.#socket) return;
    this.#socket = null;
    if (this.#over || code === DONE) return;
    this.onAway();
    this.#timer = setTimeout(() => this.#now(), this.#wait * (0.8 + Math.random() * 0.4));
    this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT);
  }

  // Leaving the page is no loss of the connection.
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
