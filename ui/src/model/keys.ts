/** The keys that do something anywhere in the window. */

import { RANGED, TABS, type Scope } from "./scope.svelte";

/** What else a key can do. */
export interface KeyActions {
  query: () => void;
  ranges: () => void;
  help: () => void;
  undo: () => void;
}

/** Does what the key is for; whether it was for anything. */
export function press(event: KeyboardEvent, scope: Scope, actions: KeyActions): boolean {
  if (event.defaultPrevented || event.isComposing || event.altKey || event.metaKey) return false;
  if (event.ctrlKey) return event.key.toLowerCase() === "k" && done(actions.query);
  if (event.key === "Escape") return scope.canGoBack && !isOpen() && done(() => scope.back());
  if (isTyping(event.target) || isOpen()) return false;
  const tab = TABS[Number(event.key) - 1];
  if (tab !== undefined) return done(() => scope.go({ tab }));
  // What is not seen there does not change.
  const isRanged = RANGED.includes(scope.tab);
  switch (event.key) {
    case "/":
      return done(actions.query);
    case "r":
      return isRanged && done(actions.ranges);
    case "[":
      return isRanged && done(() => scope.shift(-1, Date.now()));
    case "]":
      return isRanged && done(() => scope.shift(1, Date.now()));
    case "?":
      return done(actions.help);
    case "u":
      return done(actions.undo);
    default:
      return false;
  }
}

function done(action: () => void): true {
  action();
  return true;
}

/** Keys are text there, or choose among options. */
function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || target.matches("input:not([type=checkbox]), textarea, select"));
}

/** Whether something floats above the window that takes the keys. */
function isOpen(): boolean {
  return document.querySelector('[role="dialog"], [role="alertdialog"], [role="menu"]') !== null;
}
