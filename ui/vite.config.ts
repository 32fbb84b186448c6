import { readFileSync } from "node:fs";

import { paraglideVitePlugin } from "@inlang/paraglide-js";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

/** The version of the workspace, which stands once. */
const version = /^version = "([^"]+)"/mu.exec(readFileSync(new URL("../Cargo.toml", import.meta.url), "utf8"))?.[1];
if (version === undefined) throw new Error("Cargo.toml has no version");

export default defineConfig({
  define: { __PORTOLAN_VERSION__: JSON.stringify(version) },
  plugins: [
    // The language is the person's choice (`model/preferences.svelte.ts`); nothing of it is kept by the page.
    paraglideVitePlugin({ project: "./project.inlang", outdir: "./src/paraglide", strategy: ["globalVariable", "baseLocale"] }),
    svelte(),
  ],
  // WebKitGTK 2.40 is the oldest that the app is built for.
  build: { target: ["safari16.4", "chrome110"], modulePreload: { polyfill: false }, assetsInlineLimit: 0 },
  resolve: process.env["VITEST"] ? { conditions: ["browser"] } : {},
  // The rest is tried in a browser (`e2e/`).
  test: { include: ["src/**/*.test.ts"], environment: "jsdom", setupFiles: ["src/testing/setup.ts"], restoreMocks: true },
});
