// A page of Chromium with what went wrong on it, for the tests of the console.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

import { chromium } from "playwright-core";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What browsers say of each answer that is no success, whoever asked for it and whatever it does with it. */
const REFUSED = /Failed to load resource: (the server responded with a status of (401|403|409|421|429|500|503|504)|net::ERR_)/;

export class Watched {
  static async open(executablePath, { url, theme = "light", width = 1280, height = 900 }) {
    const args = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--js-flags=--expose-gc"];
    const browser = await chromium.launch({ executablePath, args });
    // The certificates of the tests are their own.
    const context = await browser.newContext({ viewport: { width, height }, colorScheme: theme, ignoreHTTPSErrors: true, timezoneId: "UTC" });
    const page = await context.newPage();
    page.setDefaultTimeout(15_000);
    const watched = new Watched(browser, page, url);
    await watched.#observe();
    return watched;
  }

  constructor(browser, page, url) {
    this.browser = browser;
    this.page = page;
    this.url = url;
    /** Whether errors of requests are what a test wants. */
    this.refusals = false;
    this.seen = { console: [], violations: [], elsewhere: [], axe: [], wide: [] };
  }

  async #observe() {
    const { page, seen, url } = this;
    page.on("console", (message) => {
      if (!["error", "warning"].includes(message.type())) return;
      if (!(this.refusals && REFUSED.test(message.text()))) seen.console.push(message.text());
    });
    page.on("pageerror", (error) => seen.console.push(String(error.stack)));
    page.on("request", (request) => {
      const address = request.url();
      if (!address.startsWith(`${url}/`) && !address.startsWith("data:")) seen.elsewhere.push(address);
    });
    await page.exposeFunction("violated", (what) => seen.violations.push(what));
    await page.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", (event) => window.violated(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`));
    });
  }

  /** Goes to a view by its fragment. */
  async view(hash, heading) {
    await this.page.evaluate((wanted) => {
      location.hash = wanted;
    }, hash);
    if (heading) await this.page.getByRole("heading", { level: 1, name: heading }).waitFor();
  }

  /** Until the view has what it asked the server for. */
  async loaded() {
    const { page } = this;
    await page.locator("h1").first().waitFor();
    await page.waitForFunction(() => !document.querySelector(".loading, .busy") && !document.body.innerText.includes("connecting"));
  }

  /** What of the page people cannot read, reach or understand, and whether it is wider than its window. */
  async check(screen) {
    const { page, seen } = this;
    if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(AXE);
    const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
    for (const { id, nodes } of found.violations) seen.axe.push(`${screen}: ${id}: ${nodes[0].html.slice(0, 200)} ${nodes[0].failureSummary}`);
    const [whole, width] = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
    if (whole > width) seen.wide.push(`${screen}: ${whole} of ${width}`);
  }

  async signIn(token) {
    await this.view("#/access", "Access");
    await this.page.getByLabel("Token").fill(token);
    await this.page.getByRole("button", { name: "Sign in" }).click();
  }

  text(selector = "main") {
    return this.page.locator(selector).innerText();
  }

  /** The page with only what people see in it, as a picture. */
  async picture(path, height) {
    const { page } = this;
    const { width, height: before } = page.viewportSize();
    await page.setViewportSize({ width, height });
    await page.mouse.move(0, 0);
    await page.waitForTimeout(300);
    await page.screenshot({ path, animations: "disabled" });
    await page.setViewportSize({ width, height: before });
  }

  close() {
    return this.browser.close();
  }
}
