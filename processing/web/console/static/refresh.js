// Asks for the page again every few seconds and puts its rows in the place of those shown. Without it there is a link.
"use strict";
(() => {
  const EVERY = 5000;
  const rows = document.querySelector("[data-refresh]");
  if (!rows) return;
  const button = document.createElement("button");
  let paused = false;
  button.type = "button";
  const say = () => { button.textContent = paused ? "Update by itself" : "Stop updating"; };
  button.addEventListener("click", () => { paused = !paused; say(); });
  say();
  rows.before(button);
  const look = async () => {
    // Whoever reads with the keyboard within the rows is not thrown out of them.
    if (paused || document.hidden || rows.contains(document.activeElement)) return;
    try {
      const answer = await fetch(rows.dataset.refresh, { redirect: "error" });
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.getElementById(rows.id);
      if (fresh) rows.replaceChildren(...fresh.childNodes);
    } catch {
      paused = true;
      say();
    }
  };
  setInterval(look, EVERY);
})();
