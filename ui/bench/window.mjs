// What the window costs a person's patience: the built page in Chromium, a year of 500 applications, made up by the stand-in.
import { whyNot, go, settled, start } from "../e2e/window.mjs";

const isQuick = process.argv.includes("--quick");
const ROUNDS = isQuick ? 2 : 9;
const DRAGS = isQuick ? 1 : 5;
const TIMES = isQuick ? 10 : 200;
/** What is loaded once is no growth. */
const WARM_UP = 20;

const why = whyNot();
if (why !== false) throw new Error(why);
const window = await start();
try {
  console.log("| the window | figure | target |\n|---|---|---|");
  for (const [width, height] of [[1280, 800], [2560, 1440]]) {
    const { page, close } = await window.open("crowd", { width, height });
    const ms = await drawing(page);
    row(`a year drawn, ${width} × ${height}, ms`, ms, "≤ 200");
    const drags = await dragging(page);
    row(`frames a second while dragging, ${width} × ${height}`, drags.map(({ rate }) => rate), "60");
    row(`the longest of these frames, ${width} × ${height}, ms`, drags.map(({ worst }) => worst), "–");
    await close();
  }
  for (const [what, turn] of [["the details opened and closed", details], ["all views opened", views]]) {
    const { page, close } = await window.open("busy", { width: 1280, height: 800 });
    const { before, after } = await growth(page, turn);
    console.log(`| ${what}, ${TIMES} times: memory, MB | ${mega(before.heap)} → ${mega(after.heap)} | no growth |`);
    console.log(`| the same: elements; listeners | ${before.nodes} → ${after.nodes}; ${before.listeners} → ${after.listeners} | no growth |`);
    await close();
  }
  console.log(`\n- Medians of ${ROUNDS} drawings and of ${DRAGS} drags of 2 s over the chart, least and most in brackets. A drawing is from the click on “1 y” until it is painted: two`);
  console.log("  frames of the display at least, with questions whose answers are there.");
  console.log(`- Chromium without a screen or a graphics card. Memory is JavaScript's after a collection, from the ${WARM_UP}th time on.`);
} finally {
  await window.end();
}

/** Milliseconds from the click until the year is on the screen. */
async function drawing(page) {
  const ranges = page.locator(".ranges button");
  const [week, year] = [ranges.nth(3), ranges.nth(5)];
  const found = [];
  for (let round = -1; round < ROUNDS; round += 1) {
    await week.click();
    await settled(page);
    await page.waitForTimeout(200);
    const ms = await year.evaluate(
      (button) =>
        new Promise((done) => {
          requestAnimationFrame(() => {
            const begun = performance.now();
            button.click();
            // Answers come as tasks of their own; the frame after them is painted when the next one begins.
            setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - begun))));
          });
        }),
    );
    if (round >= 0) found.push(ms);
  }
  return found;
}

/** Frames a second and the longest of them while a person draws over the chart. */
async function dragging(page) {
  const box = await page.locator(".plot .u-over").first().boundingBox();
  const found = [];
  for (let drag = 0; drag < DRAGS; drag += 1) {
    await page.mouse.move(box.x + 20, box.y + box.height / 2);
    await page.mouse.down();
    const counted = page.evaluate(
      () =>
        new Promise((done) => {
          const frames = [];
          const count = (now) => {
            frames.push(now);
            if (now - frames[0] < 2000) requestAnimationFrame(count);
            else {
              const gaps = frames.slice(1).map((at, index) => at - frames[index]);
              done({ rate: ((frames.length - 1) * 1000) / (frames.at(-1) - frames[0]), worst: Math.max(...gaps) });
            }
          };
          requestAnimationFrame(count);
        }),
    );
    let isOver = false;
    void counted.then(() => (isOver = true));
    for (let step = 0; !isOver; step += 1) await page.mouse.move(box.x + 20 + ((step * 7) % (box.width - 40)), box.y + box.height / 2);
    found.push(await counted);
    // Back to where it began draws nothing.
    await page.mouse.move(box.x + 20, box.y + box.height / 2);
    await page.mouse.up();
  }
  return found;
}

async function details(page) {
  await page.locator("[role=treeitem] .what").first().click();
  await page.locator("aside header h2").waitFor();
  await settled(page);
  await page.locator("aside button.close").click();
  await page.locator("aside").waitFor({ state: "detached" });
}

async function views(page) {
  for (const tab of ["destinations", "review", "live", "map", "history", "settings", "applications"]) await go(page, tab);
}

async function growth(page, turn) {
  const session = await page.context().newCDPSession(page);
  await session.send("HeapProfiler.enable");
  const weigh = async () => {
    for (let time = 0; time < 3; time += 1) await session.send("HeapProfiler.collectGarbage");
    const { usedSize: heap } = await session.send("Runtime.getHeapUsage");
    const { nodes, jsEventListeners: listeners } = await session.send("Memory.getDOMCounters");
    return { heap, nodes, listeners };
  };
  for (let time = 0; time < WARM_UP; time += 1) await turn(page);
  const before = await weigh();
  for (let time = 0; time < TIMES; time += 1) await turn(page);
  return { before, after: await weigh() };
}

function row(what, figures, target) {
  const sorted = [...figures].sort((a, b) => a - b);
  const text = (figure) => figure.toFixed(figure < 100 ? 1 : 0);
  const middle = sorted[Math.floor(sorted.length / 2)];
  console.log(`| ${what} | ${text(middle)} (${text(sorted[0])} to ${text(sorted.at(-1))}) | ${target} |`);
}

function mega(bytes) {
  return (bytes / 1e6).toFixed(1);
}
