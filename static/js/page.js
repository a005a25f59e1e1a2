// What every page gets. Each behaviour is a module of its own; the page works without any of them.
import { startClocks } from "./clock.js";
import { startCopying } from "./copy.js";
import { startDialogs } from "./dialog.js";
import { startKeys } from "./keys.js";
import { startGuarding } from "./leaving.js";

startClocks();
startCopying();
startDialogs();
startKeys();
startGuarding();

// The browser keeps the place in a page over the way to the sign-in; the form has to name it to come back there.
const next = document.querySelector('form input[name="next"]');
if (next && location.hash && !next.value.includes("#")) next.value += location.hash;
