// Follows in Chromium: `node event_source.mjs CHROMIUM URL`. Each line of standard input is a path at URL that an EventSource is made for;
// what they tell is printed, an object a line, until standard input ends.

import { createInterface } from "node:readline";

import { chromium } from "playwright-core";

const [, , executablePath, url] = process.argv;

const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"] });
const page = await browser.newPage();
// A page of the server's origin, also when there is no server.
await page.route(`${url}/page`, (route) => route.fulfill({ contentType: "text/html", body: "<title>events</title>" }));
await page.exposeFunction("tell", (seen) => console.log(JSON.stringify(seen)));
await page.goto(`${url}/page`);
console.log(JSON.stringify({ kind: "page" }));

for await (const path of createInterface({ input: process.stdin })) {
  await page.evaluate((path) => {
    const source = new EventSource(path);
    const closed = () => source.readyState === EventSource.CLOSED;
    source.onopen = () => tell({ path, kind: "open" });
    source.onmessage = (event) => tell({ path, kind: "record", id: event.lastEventId, closed: closed() });
    source.onerror = (event) => tell({ path, kind: "error", told: event.data === undefined ? null : JSON.parse(event.data), closed: closed() });
  }, path);
}
await browser.close();
