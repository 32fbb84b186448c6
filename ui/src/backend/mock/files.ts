import type { Imported, Saved } from "../../bindings/desktop";
import { applications, failure, type World } from "./answers";
import type { Scene } from "./scenes";

/** A file that a person named; in scene `hostile` a disk is full. */
export function saved(world: World, path: string): Saved {
  if (world.scene === "hostile") throw failure("other", `${path}: No space left on device (os error 28).`);
  return { path };
}

/** A file of answers in which most is otherwise than here. */
export function imported(world: World): Imported {
  const known = applications(world).map(({ application, review }, at) => ({
    application,
    review: review === "approved" ? ("ignored" as const) : ("approved" as const),
    before: review === "approved" ? ("approved" as const) : ("unreviewed" as const),
    changes: true,
    other_content: at % 3 === 1,
    in_a_home: at % 4 === 3,
  }));
  return { path: "/home/alice/portolan-reviews-2026-11-20.json", changes: known, same: 1, unseen: 12 };
}

const square = (fill: string) => `data:image/svg+xml;utf8,<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="3" fill="${fill}"/><circle cx="8" cy="8" r="4" fill="white"/></svg>`.replaceAll("#", "%23");

/** Pictures of some; in scene `hostile` of all, and each does what it can. */
export function iconsOf(scene: Scene, keys: readonly string[]): Record<string, string> {
  const bad = [
    `data:image/svg+xml;utf8,<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)" viewBox="0 0 9 9"><script>parent.document.title="owned"</script><image href="http://192.0.2.1/x.png"/></svg>`,
    "data:image/png;base64,AAAA",
  ];
  const of = (key: string, at: number) => (scene === "hostile" ? bad[at % 2] : /firefox|rsync/u.test(key) ? square(key.includes("firefox") ? "#c6562b" : "#3f7d4e") : undefined);
  return Object.fromEntries(keys.map((key, at) => [key, of(key, at)]).filter((one): one is [string, string] => one[1] !== undefined));
}
