import { languageOf, preferences } from "../model/preferences.svelte";
import type { Backend } from "./backend";

export type { Backend, Review } from "./backend";

/** The tray app when the page runs in its window, else the stand-in; `?mock=denied` and the like choose its state, `?lang=es` its language. */
export async function chooseBackend(): Promise<Backend> {
  if ("__TAURI_INTERNALS__" in window) return (await import("./tauri")).tauri;
  const { mock, scenes } = await import("./mock");
  const options = new URLSearchParams(location.search);
  const wanted = options.get("mock");
  const language = options.get("lang");
  if (language !== null) preferences.language = languageOf("system", [language]);
  return mock(scenes.find((scene) => scene === wanted) ?? "busy");
}
