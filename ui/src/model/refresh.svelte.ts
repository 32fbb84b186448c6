import type { App } from "./app";
import { refreshMs } from "./range";

/** Asks again as often as the range of the window wants it, while the daemon is there and the window is seen. */
export function refresh({ scope, view }: App, ask: () => void): void {
  $effect(() => {
    const every = refreshMs(scope.range);
    if (view.link !== "up" || every === null) return;
    const again = () => {
      if (!document.hidden) ask();
    };
    const timer = setInterval(again, every);
    document.addEventListener("visibilitychange", again);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", again);
    };
  });
}
