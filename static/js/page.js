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
