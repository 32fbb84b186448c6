/** The states that the stand-in can show. */
export const scenes = ["busy", "quiet", "gone", "lost", "denied", "connecting", "hostile", "crowd", "reduced"] as const;
export type Scene = (typeof scenes)[number];
