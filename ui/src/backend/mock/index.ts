import type { WindowEvent } from "../../bindings/desktop";
import type { Answers, Backend, Kind, QuestionOf } from "../backend";
import { answerOf, type World } from "./answers";
import { findingsOf, snoozedOf } from "./findings";
import { tick } from "./live";
import type { Scene } from "./scenes";
import { linkOf, statusOf } from "./status";

export { HOSTILE } from "./live";
export { scenes, type Scene } from "./scenes";

/** A stand-in for the app: the same events and answers, made up. It lives in tests, in a browser and in screenshots. */
export function mock(scene: Scene, nowMs = Date.now()): Backend & { asked: World["asked"]; stop: () => void } {
  let tell: (event: WindowEvent) => void = () => {};
  let timer: ReturnType<typeof setInterval> | undefined;
  const world: World = { scene, nowMs, asked: [], findings: findingsOf(scene, nowMs), gone: snoozedOf(scene, nowMs), reviews: new Map(), answers: new Map(), settings: new Map(), tell: (event) => tell(event) };
  const start = Math.floor(nowMs / 1000);
  const tickAt = (second: number) => tick(scene, second, world.reviews);

  return {
    asked: world.asked,
    stop: () => clearInterval(timer),
    async attach(listener) {
      tell = listener;
      tell(linkOf(scene));
      if (scene === "connecting" || scene === "gone" || scene === "denied") return;
      tell({ event: "users", names: { 0: "root", 100: "_apt", 1000: "alice" } });
      tell({ event: "findings", open: world.findings });
      const seconds = Array.from({ length: 300 }, (_, index) => start - 299 + index);
      // A minute ago the daemon was restarted.
      const known = scene === "quiet" ? [] : seconds.filter((second) => start - second > 74 || start - second < 61);
      tell({ event: "history", ticks: (scene === "quiet" ? seconds : known).map(tickAt) });
      if (scene === "lost") return tell(linkOf("gone"));
      tell({ event: "status", status: statusOf(scene, nowMs) });
      let second = start;
      timer = setInterval(() => tell({ event: "tick", tick: tickAt((second += 1)) }), 1000);
    },
    ask: async <K extends Kind>(question: QuestionOf<K>) => answerOf(world, question) as Answers[K],
    async retry() {
      tell(linkOf("connecting"));
      tell(linkOf(scene));
    },
  };
}
