/** Shows what went wrong instead of a blank window. Imported first, so that it also hears the other modules. */
function show(reason: unknown): void {
  const place = document.getElementById("fault");
  if (!place) return;
  const text = reason instanceof Error ? `${reason.name}: ${reason.message}` : String(reason);
  place.textContent = `Portolan's window has a fault: ${text}. Close it and open it again; recording goes on.`;
  place.hidden = false;
}

window.addEventListener("error", (event) => show(event.error ?? event.message));
window.addEventListener("unhandledrejection", (event) => show(event.reason));
