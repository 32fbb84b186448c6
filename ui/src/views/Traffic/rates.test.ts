import { expect, test } from "vitest";

import type { LiveRow } from "../../bindings/bindings";
import { tick } from "../../backend/mock/live";
import { ratesOf } from "./rates";

test("rates are found by the rows of the tree, and add up over users and contents", () => {
  const [row] = tick("busy", 1000, new Map()).rows as [LiveRow];
  const one = { ...row, application: "path:/x", path: "/x", sha256: "aa", rx_bytes: 100, tx_bytes: 10 };
  const nobody = { ...one, application: null, path: "kernel", sha256: null };
  const rates = ratesOf({ unix_ms: 0, interval_ms: 500, rows: [one, { ...one, uid: 7 }, { ...one, sha256: "bb" }, nobody] });
  expect(rates.get("/application=path:/x")).toEqual({ rx: 600, tx: 60 });
  expect(rates.get("/application=path:/x/executable=aa /x")).toEqual({ rx: 400, tx: 40 });
  expect(rates.get("/application=none:kernel")).toEqual({ rx: 200, tx: 20 });
  expect(ratesOf(undefined).size).toBe(0);
});
