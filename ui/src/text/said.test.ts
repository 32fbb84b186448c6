import { expect, test } from "vitest";

import { m } from "../paraglide/messages.js";
import { overwriteGetLocale } from "../paraglide/runtime.js";
import { CATALOGUE, said } from "./said";

/** All that the daemon, the app and the query language can say, as Rust writes it. */
const FILES = import.meta.glob(["../../../helper-daemon/src/**/*.rs", "../../../src-tauri/src/**/*.rs", "../../../crates/history/src/language/**/*.rs"], {
  query: "?raw",
  import: "default",
  eager: true,
});
const SOURCES = Object.values(FILES)
  .map((text) => String(text).replace(/\\\n\s*/gu, ""))
  .join("\n");

test.each(CATALOGUE.map(([text]) => text))("“%s” is still said somewhere", (text) => expect(SOURCES).toContain(text));

test("a sentence within a sentence is translated, and what it quotes is harmless", () => {
  overwriteGetLocale(() => "es");
  expect(said("You do not have permission for this: polkit does not allow user 7 to review applications (org.portolan.review). Members of the group portolan in a local session may, and root.")).toBe(
    "No tiene permiso para esto. polkit no permite al usuario 7 revisar aplicaciones (org.portolan.review). Pueden hacerlo los miembros del grupo portolan en una sesión local, y root.",
  );
  expect(said("known bytes through loopback: tcp-ipv4 65536; udp-ipv6 is not possible on this machine")).toBe(
    "Bytes conocidos por la interfaz local: tcp-ipv4 65536; udp-ipv6 no es posible en este equipo",
  );
  expect(said("“\u202edomian” is no field; put the word in quotes to find it as text")).toBe(
    "“\\u{202e}domian” no es un campo; ponga la palabra entre comillas para buscarla como texto",
  );
});

test("what is in no catalogue is told as it is", () => {
  overwriteGetLocale(() => "es");
  expect(said("The moon is in the way.")).toBe("The moon is in the way.");
  expect(m.said_nothing_lost()).toBe("no se perdió nada");
});
