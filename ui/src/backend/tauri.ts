import { Channel, invoke } from "@tauri-apps/api/core";

import type { WindowEvent } from "../bindings/desktop";
import type { Backend } from "./backend";

/** The app in the tray. The names are those of `src-tauri/src/window/commands.rs`. */
export const tauri: Backend = {
  async attach(listener) {
    const channel = new Channel<WindowEvent>(listener);
    await invoke("attach", { channel });
  },
  ask: (question) => invoke("ask", { question }),
  async retry() {
    await invoke("retry");
  },
};
