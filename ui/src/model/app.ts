import { getContext, setContext } from "svelte";

import type { Backend, Review } from "../backend";
import type { Decisions } from "./decisions.svelte";
import type { Scope } from "./scope.svelte";
import type { View } from "./view.svelte";

/** What every part of the window may use. */
export interface App {
  backend: Backend;
  /** What is looked at. */
  scope: Scope;
  /** What the daemon tells by itself. */
  view: View;
  /** What a person decides. What came of it is told wherever they are. */
  decisions: Decisions;
  /** Decides about an application. */
  review: (application: string, state: Review) => Promise<void>;
  /** Says what this program is. */
  about: () => void;
}

const KEY = Symbol("app");

/** For the window's root. */
export function provideApp(app: App): App {
  return setContext(KEY, app);
}

/** For any component of the window. */
export function useApp(): App {
  return getContext<App>(KEY);
}
