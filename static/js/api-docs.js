// Shows the API's own document with Swagger UI, from local files. Calls use the session; what changes something
// carries the CSRF token, unless a bearer token was given under Authorize.
const holder = document.querySelector("[data-api]");

function withCsrf(request) {
  const isOwn = new URL(request.url, location.href).origin === location.origin;
  const changes = !["GET", "HEAD", "OPTIONS"].includes((request.method ?? "GET").toUpperCase());
  if (isOwn && changes && !request.headers?.Authorization) {
    request.headers = { ...request.headers, "X-CSRFToken": holder.dataset.csrf };
  }
  return request;
}

// Swagger UI has looks of its own for dark pages; it is told which it stands on.
const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => {
  const { theme } = document.documentElement.dataset;
  document.documentElement.classList.toggle("dark-mode", theme === "dark" || (theme !== "light" && dark.matches));
};
dark.addEventListener("change", follow);
new MutationObserver(follow).observe(document.documentElement, { attributeFilter: ["data-theme"] });
follow();

// What Swagger UI leaves unsaid to those who hear the page or use its keys.
function complete() {
  const each = (selector, act) => holder.querySelectorAll(selector).forEach(act);
  each("main#operations", (one) => { one.ariaLabel = "Operations"; });
  each("h1.title", (one) => { one.ariaLevel = "2"; });
  each("select:not([aria-label])", (one) => { one.ariaLabel = one.closest("tr")?.dataset.paramName ?? "Examples"; });
  each("pre.microlight:not([tabindex])", (one) => { one.tabIndex = 0; });
  each('[role="region"]:not([aria-label])', (one) => { one.ariaLabel = one.id.replaceAll("_", " "); });
}
new MutationObserver(complete).observe(holder, { childList: true, subtree: true });

globalThis.SwaggerUIBundle({
  url: holder.dataset.schema,
  domNode: holder,
  deepLinking: false, // its links would stand within buttons, where no keyboard and no reader finds them
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  syntaxHighlight: false, // its red on dark grey is too faint to read
  validatorUrl: null, // no one else is told of this document
  requestInterceptor: withCsrf,
});
