import { vi } from "vitest";

// jsdom draws nothing: the chart's library is replaced where a test mounts the window.
vi.mock("uplot", () => ({
  default: class {
    width = 0;
    height = 0;
    setData = vi.fn();
    setSize = vi.fn();
    destroy = vi.fn();
  },
}));

vi.stubGlobal(
  "ResizeObserver",
  class {
    observe = vi.fn();
    unobserve = vi.fn();
    disconnect = vi.fn();
  },
);
vi.stubGlobal("matchMedia", () => ({ addEventListener: vi.fn(), removeEventListener: vi.fn() }));
