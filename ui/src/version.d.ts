/** The version that this page was built as, of the workspace (`vite.config.ts`). */
declare const __PORTOLAN_VERSION__: string;
