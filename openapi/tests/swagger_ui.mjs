// Drives Swagger UI in Chromium: `node swagger_ui.mjs CHROMIUM URL TOKEN FOLDER`. Prints what it saw, as JSON, and leaves screenshots
// in FOLDER. TOKEN is one for everything; the server at URL wants one.

import { chromium } from "playwright-core";

const [, , executablePath, url, token, folder] = process.argv;

const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"] });
const page = await browser.newPage({ viewport: { width: 1280, height: 1000 } });
const seen = { console: [], elsewhere: [], tokens: [] };
page.on("console", (message) => {
  if (["error", "warning"].includes(message.type())) seen.console.push(message.text());
});
page.on("pageerror", (error) => seen.console.push(String(error)));
page.on("request", (request) => {
  const address = request.url();
  if (!address.startsWith(url) && !/^(data|blob):/.test(address)) seen.elsewhere.push(address);
  if (address.includes("/api/")) seen.tokens.push(request.headers().authorization ?? null);
});

const operation = (id) => page.locator(`.opblock[id$="-${id}"]`);

async function execute(id) {
  await operation(id).getByRole("button", { name: "Try it out" }).click();
  return send(id);
}

async function send(id) {
  const answer = page.waitForResponse((response) => response.url().includes("/api/"));
  await operation(id).getByRole("button", { name: "Execute" }).click();
  const status = (await answer).status();
  const live = operation(id).locator(".live-responses-table");
  await live.locator(`.response-col_status:has-text("${status}")`).first().waitFor();
  return { status, shown: await live.locator(".response-col_description .highlight-code").first().innerText() };
}

await page.goto(`${url}/docs`);
await operation("append").waitFor();
seen.operations = (await page.locator(".opblock").evaluateAll((all) => all.map((each) => each.id))).map((id) => id.split("-").at(-1));
await page.screenshot({ path: `${folder}/swagger-ui.png` });

await operation("append").locator(".opblock-summary").click();
seen.refused = await execute("append");
// What a browser says of the refusal that was just asked for.
seen.console = seen.console.filter((text) => !/status of 401/.test(text));

await page.getByRole("button", { name: "Authorize" }).first().click();
await page.locator(".auth-container input").fill(token);
await page.locator(".auth-btn-wrapper").getByRole("button", { name: "Apply credentials" }).click();
await page.locator(".auth-btn-wrapper").getByRole("button", { name: "Close" }).click();

seen.appended = await send("append");
await operation("append").locator(".live-responses-table").scrollIntoViewIfNeeded();
await page.screenshot({ path: `${folder}/swagger-ui-append.png` });
await operation("append").locator(".opblock-summary").click();

await operation("scan").locator(".opblock-summary").click();
seen.scanned = await execute("scan");
await operation("scan").locator(".live-responses-table").scrollIntoViewIfNeeded();
await page.screenshot({ path: `${folder}/swagger-ui-scan.png` });

await browser.close();
console.log(JSON.stringify(seen));
