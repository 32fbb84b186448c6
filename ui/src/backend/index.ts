import type { Backend } from "./backend";

export type { Backend, Review } from "./backend";

/** The tray app when the page runs in its window, else the stand-in; `?mock=denied` and the like choose its state. */
export async function chooseBackend(): Promise<Backend> {
  if ("__TAURI_INTERNALS__" in window) return (await import("./tauri")).tauri;
  const { mock, scenes } = await import("./mock");
  const wanted = new URLSearchParams(location.search).get("mock");
  return mock(scenes.find((scene) => scene === wanted) ?? "busy");
}
