// Sets the reader's choice before the first paint and lets the button cycle through it.
(() => {
  const themes = ["auto", "light", "dark"];
  const root = document.documentElement;
  const asked = new URLSearchParams(location.search).get("theme");
  const show = (theme) => { root.dataset.theme = theme; };
  const kept = () => { try { return localStorage.getItem("theme"); } catch { return null; } };
  const keep = (theme) => { try { localStorage.setItem("theme", theme); } catch { /* shown, not kept */ } };
  show(asked || kept() || "auto");
  document.addEventListener("DOMContentLoaded", () => {
    for (const button of document.querySelectorAll("[data-theme-toggle]")) button.hidden = false;
  });
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-theme-toggle]")) return;
    const next = themes[(themes.indexOf(root.dataset.theme) + 1) % themes.length];
    show(next);
    keep(next);
  });
})();
