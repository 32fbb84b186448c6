/** Which part of the plane is seen, and how large. */

import { PLANE, type Point } from "./world";

/** The point of the plane in the middle, and how many times larger than the whole world it is. */
export interface Viewport {
  zoom: number;
  x: number;
  y: number;
}

/** The window's place for the map, in pixels. */
export interface Size {
  width: number;
  height: number;
}

export const WHOLE: Viewport = { zoom: 1, x: PLANE.width / 2, y: PLANE.height / 2 };
const ZOOM_MAX = 40;

/** Pixels for a unit of the plane. */
export function scaleOf(view: Viewport, size: Size): number {
  return Math.max(0.01, Math.min(size.width / PLANE.width, size.height / PLANE.height)) * view.zoom;
}

/** Where a point of the plane is seen, in pixels. */
export function seenAt([x, y]: Point, view: Viewport, size: Size): Point {
  const scale = scaleOf(view, size);
  return [size.width / 2 + (x - view.x) * scale, size.height / 2 + (y - view.y) * scale];
}

/** Larger or smaller around a point in pixels, which stays where it is. */
export function zoomed(view: Viewport, size: Size, factor: number, [x, y]: Point): Viewport {
  const zoom = Math.min(ZOOM_MAX, Math.max(1, view.zoom * factor));
  const [before, after] = [scaleOf(view, size), scaleOf({ ...view, zoom }, size)];
  const [dx, dy] = [x - size.width / 2, y - size.height / 2];
  return within({ zoom, x: view.x + dx / before - dx / after, y: view.y + dy / before - dy / after }, size);
}

/** Moved by pixels: to the right and down shows what lies there. */
export function moved(view: Viewport, size: Size, dx: number, dy: number): Viewport {
  const scale = scaleOf(view, size);
  return within({ ...view, x: view.x + dx / scale, y: view.y + dy / scale }, size);
}

/** With a point of the plane in the middle, unless it is well inside already. */
export function towards(view: Viewport, size: Size, point: Point): Viewport {
  const [x, y] = seenAt(point, view, size);
  const [mx, my] = [size.width * 0.1, size.height * 0.1];
  if (x > mx && x < size.width - mx && y > my && y < size.height - my) return view;
  return within({ ...view, x: point[0], y: point[1] }, size);
}

/** The same, such that no more emptiness is seen than need be. */
function within({ zoom, x, y }: Viewport, size: Size): Viewport {
  const scale = scaleOf({ zoom, x, y }, size);
  return { zoom, x: inside(x, PLANE.width, size.width / scale), y: inside(y, PLANE.height, size.height / scale) };
}

function inside(middle: number, whole: number, seen: number): number {
  return seen >= whole ? whole / 2 : Math.min(whole - seen / 2, Math.max(seen / 2, middle));
}
