import { afterEach, expect, test } from "vitest";

import { overwriteGetLocale } from "../paraglide/runtime.js";
import { countryName, directionName, rangeName } from "./place";

afterEach(() => overwriteGetLocale(() => "en"));

test("places are said in the person's language, also after it has changed", () => {
  expect([countryName("DE"), rangeName("link-local"), directionName("inbound")]).toEqual(["Germany", "Local link", "Inbound"]);
  overwriteGetLocale(() => "es");
  expect([countryName("DE"), rangeName("link-local"), directionName("inbound")]).toEqual(["Alemania", "Enlace local", "Entrante"]);
});

test("what nobody has a word for stays as it is", () => {
  expect([countryName("A9"), countryName("<b>"), rangeName("moon"), directionName("up")]).toEqual(["A9", "<b>", "moon", "up"]);
});
