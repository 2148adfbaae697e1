// Drives the console in Chromium: `node console.mjs SCENARIO CHROMIUM OPTIONS`, where OPTIONS is JSON. Prints what it saw as the last line, as JSON. A line
// `{"wait": …}` before asks for something and waits for a line on standard input.

import { createInterface } from "node:readline";

import { Watched } from "./console_page.mjs";
import { everyScreen, walkByKeyboard } from "./console_screens.mjs";

const [, , scenario, chromium, given] = process.argv;
const options = JSON.parse(given);
const input = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

async function ask(what) {
  console.log(JSON.stringify({ wait: what }));
  await input.next();
}

const SCENARIOS = {
  /** Every screen, each looked at by axe in both themes. */
  async screens(on) {
    await everyScreen(on, options);
  },

  /** The same screens on a small one; pictures are taken of none. */
  async small(on) {
    for (const hash of options.hashes) {
      await on.view(hash);
      await on.loaded();
      await on.check(hash);
    }
  },

  async keyboard(on) {
    on.seen.walked = await walkByKeyboard(on, options);
  },

  /** Records, keys, headers and cursors of somebody who means harm. */
  async hostile(on) {
    const { page } = on;
    on.seen.texts = {};
    for (const [name, hash] of Object.entries(options.hashes)) {
      await on.view(hash);
      await on.loaded();
      for (const format of ["Text", "JSON", "Hex"]) {
        const choose = page.getByRole("button", { name: format, exact: true });
        if ((await choose.count()) === 0 || (name === "append" && format !== "Text")) continue;
        await choose.first().click();
        const closed = page.locator('.expand[aria-expanded="false"]');
        for (let left = await closed.count(); left > 0; left -= 1) await closed.first().click();
        on.seen.texts[`${name} ${format}`] = (await on.text()).slice(0, 200_000);
      }
      on.seen.texts[name] ??= await on.text();
      await on.check(name);
      if (name === "keys") on.seen.beyond = await page.locator("td.links a").evaluateAll((links) => links.filter((link) => link.getBoundingClientRect().right > window.innerWidth).length);
      if (name === "large") on.seen.large = await page.getByRole("button", { name: /Show all/ }).count();
    }
    // An invisible character in the text would be one that people cannot see.
    on.seen.made = await page.evaluate(() => ({
      hacked: "hacked" in window, images: document.images.length, scripts: document.scripts.length, frames: document.querySelectorAll("iframe, object, embed, base").length,
      unseen: /[\u202a-\u202e\u2066-\u2069\u200b-\u200f\u0000-\u0008]/.test(document.querySelector("main").textContent),
    }));
  },

  /** A token that may do little: what it may not is said, and not tried. */
  async rights(on) {
    on.seen.texts = {};
    for (const { token, hashes } of options.tokens) {
      await on.signIn(token);
      await on.page.getByText("Signed in with a token").waitFor();
      for (const hash of hashes) {
        await on.view(hash);
        await on.loaded();
        on.seen.texts[`${token} ${hash}`] = await on.text();
        await on.check(hash);
      }
      await on.view("#/access", "Access");
      await on.page.getByRole("button", { name: "Sign out" }).click();
    }
    await on.page.getByLabel("Token").waitFor();
    on.seen.stored = await on.page.evaluate(() => [localStorage.length, Object.values({ ...sessionStorage }).join()]);
  },

  /** A tail of many records, through a pause and a restart of the server. */
  async tail(on) {
    const { page } = on;
    await on.view("#/tail?prefix=orders/&start=now", "Live tail");
    await page.getByText("live", { exact: true }).waitFor();
    const heap = () => page.evaluate(async () => {
      for (let turn = 0; turn < 3; turn += 1) {
        window.gc();
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
      return performance.memory.usedJSHeapSize;
    });
    const received = async (count) => page.getByText(`${count.toLocaleString("en-US")} received`).waitFor();
    await ask("some");
    await received(options.some);
    const before = await heap();
    await ask("many");
    await received(options.some + options.many);
    on.seen.heap = [before, await heap()];
    on.seen.rows = await page.locator("table.records tbody tr").count();
    on.seen.last = await page.locator("table.records tbody tr").last().innerText();
    await page.getByRole("button", { name: "Pause" }).click();
    await page.getByText("paused", { exact: true }).waitFor();
    await ask("paused");
    on.seen.paused = await page.locator("table.records tbody tr").last().innerText();
    await page.getByRole("button", { name: "Resume" }).click();
    await received(options.some + options.many + 1);
    on.refusals = true;
    await ask("restart");
    await received(options.some + options.many + 2);
    await page.getByText("live", { exact: true }).waitFor();
    on.seen.afterRestart = await page.locator("table.records tbody tr").last().innerText();
  },

  /** Errors, in words. */
  async errors(on) {
    const { page } = on;
    on.refusals = true;
    on.seen.texts = {};
    await on.view("#/append?key=orders/1", "Append");
    for (const [code, status] of Object.entries(options.codes)) {
      await page.route("**/api/**", (route) => route.fulfill({
        status, contentType: "application/json", headers: status === 429 ? { "retry-after": "7" } : {},
        body: JSON.stringify({ status: "error", code, message: "told by the test" }),
      }));
      await page.getByRole("button", { name: "Append", exact: true }).click();
      await page.getByRole("alert").filter({ hasText: "told by the test" }).waitFor();
      on.seen.texts[code] = await page.getByRole("alert").innerText();
      await on.check(code);
      await page.unroute("**/api/**");
      // The next error is not taken for this one.
      await page.reload();
      await page.getByRole("button", { name: "Append", exact: true }).waitFor();
    }
    await page.route("**/api/**", (route) => route.abort("connectionrefused"));
    await page.getByRole("button", { name: "Append", exact: true }).click();
    await page.getByText("The server cannot be reached").waitFor();
    await on.view("#/keys", "Keys");
    await page.getByText("The server cannot be reached").waitFor();
    on.seen.again = await page.getByRole("button", { name: "Try again" }).count();
  },

  /** How often the metrics are asked for while the page can be seen, cannot, and can again. */
  async hidden(on) {
    const { page } = on;
    let asked = 0;
    page.on("request", (request) => {
      asked += Number(request.url().endsWith("/-/metrics"));
    });
    const during = async (hidden, ms) => {
      await page.evaluate((is) => {
        Object.defineProperty(document, "hidden", { value: is, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
      }, hidden);
      // What was asked for before is not counted.
      await page.waitForTimeout(500);
      asked = 0;
      await page.waitForTimeout(ms);
      return asked;
    };
    await page.locator(".plot canvas").first().waitFor();
    on.seen.asked = [await during(false, 3_000), await during(true, 4_000), await during(false, 3_000)];
  },

  /** A cluster: its nodes and partitions, and what is read of one partition. */
  async cluster(on) {
    const { page } = on;
    const rows = (of) => page.locator(`section[aria-label="${of}"] tbody tr`);
    const keys = async () => (await page.locator("td.key").allInnerTexts()).map((key) => key.trim());
    await rows("Partitions").first().waitFor();
    on.seen.nodes = await rows("Nodes").allInnerTexts();
    on.seen.partitions = await rows("Partitions").allInnerTexts();
    await on.check("overview of a cluster");
    on.seen.read = {};
    for (const partition of options.partitions) {
      await on.view(`#/prefix?prefix=key-&partition=${partition}`, "Records in order");
      await on.loaded();
      on.seen.read[partition] = await keys();
    }
    await on.view("#/prefix?prefix=key-", "Records in order");
    await page.getByLabel("Partition").selectOption(options.chosen);
    await page.waitForURL(new RegExp(`partition=${options.chosen}`));
    await page.locator("td.key").first().waitFor();
    await on.check("records of a partition");
    await page.getByRole("link", { name: "Newest" }).click();
    await page.waitForURL(/newest=1/);
    await on.loaded();
    on.seen.newest = await keys();
    await page.getByRole("link", { name: "Follow", exact: true }).first().click();
    await page.getByText("live", { exact: true }).waitFor();
    await page.locator("td.key").first().waitFor();
    on.seen.followed = [page.url(), await keys()];
    await on.check("live tail of a partition");
    // What has a tag is in one partition.
    await on.view("#/prefix?prefix=%7Bt%7D%2F", "Records in order");
    await page.locator("td.key").first().waitFor();
    on.seen.tagged = [await keys(), await page.getByLabel("Partition").count()];
    await on.view("#/cursors", "Cursors");
    await page.locator("table.list").waitFor();
    on.seen.linked = await page.locator("td.number a").count();
    await on.view("#/keys", "Keys");
    await on.loaded();
    on.seen.keys = await page.locator("table.list tbody tr").count();
  },

  /** What the views of a server say, as text. */
  async texts(on) {
    on.seen.texts = {};
    for (const hash of options.hashes) {
      await on.view(hash);
      await on.loaded();
      on.seen.texts[hash] = await on.text();
    }
  },
};

const on = await Watched.open(chromium, options);
try {
  await on.page.goto(`${options.url}/`);
  on.seen.landed = on.page.url();
  await on.page.locator("h1").waitFor();
  await SCENARIOS[scenario](on);
} finally {
  await on.close();
}
// Standard input keeps the process alive, and leaving at once would cut what was not written yet.
process.stdout.write(`${JSON.stringify(on.seen)}\n`, () => process.exit(0));
