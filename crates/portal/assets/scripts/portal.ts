// What every page gains where scripts run. Without them everything works all the same.
import { initAll } from "govuk-frontend";

document.body.classList.add("js-enabled");
if ("noModule" in HTMLScriptElement.prototype) {
  document.body.classList.add("govuk-frontend-supported");
}
initAll();

// A table of work is walked with j and k, and opened with Enter, as in a mail program.
for (const table of document.querySelectorAll<HTMLTableElement>("table[data-walk]")) {
  walk(table);
}

function walk(table: HTMLTableElement): void {
  const links = () => [...table.querySelectorAll<HTMLAnchorElement>("tbody tr a[data-row]")];
  document.addEventListener("keydown", (event) => {
    const inField = (event.target as HTMLElement).closest("input, select, textarea");
    if (inField || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = event.key === "j" ? 1 : event.key === "k" ? -1 : 0;
    if (step === 0) return;
    const all = links();
    const at = all.indexOf(document.activeElement as HTMLAnchorElement);
    const next = all[Math.min(Math.max(at + step, 0), all.length - 1)];
    next?.focus();
    event.preventDefault();
  });
}

// A print button appears only where it does something.
for (const button of document.querySelectorAll<HTMLButtonElement>("button[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}
