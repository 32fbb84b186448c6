import { expect, test, vi } from "vitest";

import { mock } from "../backend/mock";
import { iconsOf } from "./icons.svelte";

test("pictures are asked for together and once", async () => {
  const backend = mock("busy", 1_700_000_000_000);
  const icons = iconsOf(backend);
  expect(iconsOf(backend)).toBe(icons);
  for (const key of ["path:/usr/lib/firefox/firefox", "path:/usr/bin/curl", "path:/usr/bin/curl"]) icons.want(key);
  await vi.waitFor(() => expect(icons.of("path:/usr/lib/firefox/firefox")).toMatch(/^data:image\//u));
  icons.want("path:/usr/bin/curl");
  await Promise.resolve();
  expect(backend.asked).toEqual([{ ask: "icons", applications: ["path:/usr/lib/firefox/firefox", "path:/usr/bin/curl"] }]);
  expect(icons.of("path:/usr/bin/curl")).toBeNull();
  icons.drop("path:/usr/lib/firefox/firefox");
  expect(icons.of("path:/usr/lib/firefox/firefox")).toBeNull();
});
