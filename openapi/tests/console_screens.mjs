// The walk through every screen of the console.

const VIEWS = ["Overview", "Keys", "Records in order", "Live tail", "Append", "Cursors", "Configuration", "Access"];

/** Of pictures, in pixels. */
const HEIGHTS = { overview: 900, tail: 600, append: 900 };

/** Everything a person does on each screen. With `folder`, a picture of each main screen is left there. */
export async function everyScreen(on, { url, token, themes, folder }) {
  const { page, seen } = on;
  const button = (name) => page.getByRole("button", { name, exact: true });
  const look = async (screen, name, shown = themes) => {
    for (const theme of shown) {
      await button(theme).click();
      if (folder && name) await on.picture(`${folder}/console-${name}-${theme.toLowerCase()}.png`, HEIGHTS[name] ?? 740);
      await on.check(`${screen}, ${theme.toLowerCase()}`);
    }
  };
  seen.said = [];
  const says = async (text) => {
    await page.getByText(text).first().waitFor();
    seen.said.push(String(text));
  };

  if (token) {
    await says("This server asks for a token");
    await look("signed out", null, ["Light", "Dark"]);
    await on.signIn("this-token-is-not-known");
    await says("The server does not know this token.");
    await look("refused token", null, ["Light", "Dark"]);
    await page.getByLabel("Token").fill(token);
    await button("Sign in").click();
    await says("Signed in with a token");
  }
  await page.getByRole("link", { name: "Overview" }).click();
  await page.locator(".plot canvas").nth(3).waitFor();
  await page.locator("svg.segments rect").first().waitFor();
  if (folder) await page.waitForTimeout(50_000);
  await look("overview", "overview");

  await page.getByRole("link", { name: "Keys" }).click();
  await page.getByRole("link", { name: "audit/logins", exact: true }).waitFor();
  await button("Light").click();
  await page.getByRole("link", { name: "Next page" }).click();
  await page.getByRole("link", { name: "orders/4760", exact: true }).waitFor();
  await page.getByRole("link", { name: "First page" }).click();
  await page.getByLabel("Keys that begin with").fill("orders/47");
  await page.getByLabel("Keys that begin with").press("Enter");
  await page.waitForURL(/prefix=orders/);
  await page.getByRole("link", { name: "orders/4711", exact: true }).waitFor();
  seen.focused = await page.evaluate(() => document.activeElement.value);
  await look("keys", "keys");
  await page.getByLabel("Keys that begin with").fill("none of them");
  await button("Search").click();
  await says("No key begins with this");
  await page.goBack();

  await page.getByRole("link", { name: "orders/4711", exact: true }).click();
  await page.getByRole("heading", { name: "orders/4711" }).waitFor();
  await says(/^\d+ records$/);
  await page.locator(".expand").nth(1).click();
  await says("event-type");
  await button("JSON").click();
  await page.locator("pre.value", { hasText: '"event": ' }).waitFor();
  await look("records of a key", "key");
  await button("Hex").click();
  await page.locator("pre.value", { hasText: "00000000" }).waitFor();
  await button("Text").click();
  await page.getByRole("link", { name: "Oldest" }).click();
  await page.getByRole("link", { name: "Newer" }).click();
  const firstRow = async () => Number((await page.locator(".expand").first().innerText()).replace(/\D/g, ""));
  await page.getByLabel("From sequence").fill("1");
  await page.getByLabel("From sequence").press("Enter");
  await page.waitForURL(/from=1/);
  await page.locator(".expand").first().waitFor();
  const oldest = await firstRow();
  await page.getByLabel("From time").fill("2020-01-01T00:00:00");
  await page.getByLabel("From time").press("Enter");
  await page.waitForURL(/time=1577836800000/);
  await page.locator(".expand").first().waitFor();
  seen.jumps = oldest === (await firstRow());
  await page.getByLabel("From sequence").fill("99,999,999");
  await page.getByLabel("From sequence").press("Enter");
  await page.waitForURL(/from=99999999/);
  await says("No records from here on");
  await look("nothing here");
  await page.getByRole("link", { name: "Older", exact: true }).click();
  await page.locator(".expand").first().waitFor();
  await page.getByLabel("Last").selectOption("20");
  await page.waitForURL(/n=20/);

  await page.getByRole("link", { name: "Records in order" }).click();
  await page.getByRole("heading", { name: "Records in order" }).waitFor();
  await page.getByLabel("Keys that begin with").fill("devices/");
  await button("Read").click();
  await page.waitForURL(/prefix=devices/);
  await page.locator("td.key", { hasText: "devices/" }).first().waitFor();
  await page.getByRole("link", { name: "Newer" }).click();
  await page.waitForURL(/from=/);
  await page.locator(".expand").first().waitFor();
  await page.getByRole("link", { name: "Older", exact: true }).click();
  await page.waitForURL(/before=/);
  await page.locator(".expand").first().waitFor();
  await look("records of a prefix", "prefix");
  await page.getByRole("link", { name: "Newest" }).click();
  await page.waitForURL(/newest=1/);
  await page.locator(".expand").nth(20).waitFor();
  seen.newest = await page.locator(".expand").count();

  await page.getByRole("link", { name: "Append" }).click();
  await button("Append").click();
  await says("Enter a key.");
  await page.getByLabel("Key", { exact: true }).fill("orders/4711");
  await page.getByRole("group", { name: "The value is" }).getByRole("button", { name: "JSON" }).click();
  await page.getByLabel("Value", { exact: true }).fill("{not json");
  await says("The value is not JSON");
  await page.getByLabel("Value", { exact: true }).fill('{"event": "refunded", "order": 4711, "note": "it\'s late"}');
  await button("Add a header").click();
  await page.getByLabel("Name of header 1").fill("event-type");
  await page.getByLabel("Value of header 1").fill("order.refunded");
  await page.getByLabel("Only if the key has no record since").check();
  await page.getByLabel("No record at or above").fill("0");
  seen.programs = {};
  for (const program of ["Python", "Command line", "curl"]) {
    await button(program).click();
    seen.programs[program] = await page.locator("pre.code").innerText();
  }
  await look("append", "append");
  on.refusals = true;
  await button("Append").click();
  await says("Somebody was faster");
  await look("a conflict");
  on.refusals = false;
  await page.getByRole("button", { name: /^require/ }).click();
  await button("Append").click();
  await says(/Appended as sequence/);
  await page.getByRole("link", { name: "Show the record" }).click();
  await page.locator("td.preview", { hasText: "refunded" }).waitFor();

  await page.getByRole("link", { name: "Follow" }).click();
  await says("live");
  await page.locator("td.preview", { hasText: "refunded" }).waitFor();
  await on.view("#/tail?prefix=", "Live tail");
  await page.getByText("live", { exact: true }).waitFor();
  await page.locator("table.records tbody tr").nth(20).waitFor();
  await look("live tail", "tail");

  await page.getByRole("link", { name: "Cursors" }).click();
  await page.locator("table.list, .empty").first().waitFor();
  await look("cursors", "cursors");
  await button("Create a cursor").click();
  await page.getByLabel("Name").fill("made/by hand");
  await page.getByLabel("Position").fill("3");
  await button("Create").click();
  await button("Move made/by hand").click();
  await page.getByLabel("Position").fill("5");
  await look("moving a cursor");
  await button("Move").click();
  await page.locator("tr", { hasText: "made/by hand" }).getByRole("link", { name: "5", exact: true }).waitFor();
  await button("Delete made/by hand").click();
  await page.getByRole("dialog").waitFor();
  await on.check("deleting a cursor");
  await button("Delete").click();
  await page.locator("tr", { hasText: "made/by hand" }).waitFor({ state: "detached" });

  await page.getByRole("link", { name: "Configuration" }).click();
  await page.getByLabel("Only what is not the default").check();
  await says("storage.in_memory");
  await look("configuration", "config");
  await page.getByLabel("Name or value has").fill("no such setting");
  await says("No setting fits");

  await page.getByRole("link", { name: "Access" }).click();
  await look("access", null, ["Light"]);
  if (token) {
    await button("Sign out").click();
    await page.getByLabel("Token").waitFor();
  }
  const reference = await page.getByRole("link", { name: "API reference" }).getAttribute("href");
  seen.reference = [reference === `${url}/docs`, (await page.request.get(reference)).status()];
  await on.view("#/nowhere", "There is no such view");
  await on.check("no such view");
}

/** Through the console with the keyboard alone: each control that gets the focus shows it, and what it does works. */
export async function walkByKeyboard(on, { presses = 40 }) {
  const { page } = on;
  const walked = { views: [], unseen: [], expanded: false };
  const focused = () => page.evaluate(() => {
    const { activeElement: element } = document;
    const style = getComputedStyle(element);
    return { name: element.innerText?.trim().split("\n")[0] || element.id, tag: element.tagName, seen: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 };
  });
  await page.keyboard.press("Tab");
  walked.skip = (await focused()).name;
  await page.keyboard.press("Enter");
  walked.skipped = await page.evaluate(() => document.activeElement.id);
  // The first is shown already, so it is entered last.
  for (const name of [...VIEWS.slice(1), VIEWS[0]]) {
    await page.getByRole("link", { name, exact: true }).focus();
    await page.keyboard.press("Enter");
    // The view's heading has the focus, so that the next Tab is in the view.
    await page.waitForFunction((shown) => document.activeElement.id === "heading" && document.activeElement.innerText === shown, name);
    walked.views.push(name);
  }
  await on.view("#/key?key=orders/4711", "orders/4711");
  await page.locator(".expand").first().waitFor();
  for (let press = 0; press < presses; press += 1) {
    await page.keyboard.press("Tab");
    const { name, tag, seen } = await focused();
    if (tag === "BODY") break;
    if (!seen) walked.unseen.push(`${tag} ${name}`);
    const opens = await page.evaluate(() => document.activeElement.classList.contains("expand"));
    if (opens && !walked.expanded) {
      await page.keyboard.press("Enter");
      walked.expanded = (await page.locator(".whole").count()) === 1;
    }
  }
  return walked;
}
