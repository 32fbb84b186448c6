/** The states that the stand-in can show. */
export const scenes = ["busy", "quiet", "gone", "lost", "denied", "connecting", "hostile", "reduced"] as const;
export type Scene = (typeof scenes)[number];
