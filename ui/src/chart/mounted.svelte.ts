import { THEME_CHANGED } from "../model/appearance";
import { StackedPlot, type Handlers, type Picture } from "./plot";

/** What is drawn as long as there is nothing. */
export const NOTHING: Picture = { frame: { fromMs: 0, toMs: 1, starts: [], ends: [], gapBefore: [], series: [] }, measure: "both", form: "stacked" };

/** A chart in its place: it follows the place's size and the theme. */
export class Mounted {
  plot: StackedPlot | undefined = $state.raw();
  private size = $state.raw({ width: 0, height: 0 });
  private theme = $state(0);

  /** Puts it there; gives back how to take it away. */
  mount(place: HTMLElement, first: Picture, handlers: Handlers, isStrip = false): () => void {
    this.plot = new StackedPlot(place, first, handlers, isStrip);
    const watch = new ResizeObserver(() => (this.size = { width: place.clientWidth, height: place.clientHeight }));
    watch.observe(place);
    const turn = () => (this.theme += 1);
    addEventListener(THEME_CHANGED, turn);
    return () => {
      removeEventListener(THEME_CHANGED, turn);
      watch.disconnect();
      this.plot?.destroy();
    };
  }

  /** For an effect: draws what is to be seen, and again when size or theme are others. */
  draw(picture: Picture | null): void {
    if (this.theme > 0) this.plot?.recolour();
    if (picture !== null) this.plot?.draw(picture, this.size.width, this.size.height);
  }
}
