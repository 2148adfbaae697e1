// The frame around the views: the navigation, who is signed in, and the theme.

import { html, render, useEffect, useRef } from "./html.js";
import { ROOT } from "./api.js";
import { OneOf } from "./parts.js";
import { href, useRoute } from "./router.js";
import { refresh, useSession } from "./session.js";
import { useTheme } from "./theme.js";
import { Access } from "./views/access.js";
import { Append } from "./views/append.js";
import { Config } from "./views/config.js";
import { Cursors } from "./views/cursors.js";
import { Keys } from "./views/keys.js";
import { Overview } from "./views/overview.js";
import { OfKey, OfPrefix } from "./views/records.js";
import { LiveTail } from "./views/tail.js";

const VIEWS = {
  overview: { title: "Overview", view: Overview, listed: true },
  keys: { title: "Keys", view: Keys, listed: true },
  key: { title: "Records", view: OfKey, within: "keys" },
  prefix: { title: "Records in order", view: OfPrefix, listed: true },
  tail: { title: "Live tail", view: LiveTail, listed: true },
  append: { title: "Append", view: Append, listed: true },
  cursors: { title: "Cursors", view: Cursors, listed: true },
  config: { title: "Configuration", view: Config, listed: true },
  access: { title: "Access", view: Access, listed: true },
};

function Navigation({ path }) {
  const here = VIEWS[path]?.within ?? path;
  return html`<nav class="menu" aria-label="Views"><ul>
    ${Object.entries(VIEWS).filter(([, { listed }]) => listed).map(([name, { title }]) => html`<li key=${name}>
      <a href=${href(name)} aria-current=${name === here ? "page" : undefined}>${title}</a></li>`)}
    <li class="outside"><a href=${new URL("docs", ROOT).href}>API reference</a></li>
  </ul></nav>`;
}

function Session() {
  const { access, error } = useSession();
  if (!access) return html`<span class=${`badge ${error ? "bad" : ""}`}>${error ? "not reachable" : "connecting"}</span>`;
  if (!access.authentication) return html`<span class="badge warn">no authentication</span>`;
  if (!access.known) return html`<a class="badge warn" href=${href("access")}>signed out</a>`;
  return html`<a class="badge good" href=${href("access")}>${access.rights.includes("admin") ? "admin" : access.rights.join(", ")}</a>`;
}

function Theme() {
  const [theme, choose, themes] = useTheme();
  const words = { system: "Auto", light: "Light", dark: "Dark" };
  return html`<${OneOf} label="Theme" options=${themes.map((name) => [name, words[name]])} value=${theme} onChoose=${choose} />`;
}

function Missing() {
  return html`<h1 tabindex="-1" id="heading">There is no such view</h1><p><a href=${href("overview")}>Overview</a></p>`;
}

function Console() {
  const { path, params } = useRoute();
  const { access } = useSession();
  const { title, view: View } = VIEWS[path] ?? { title: "Not found", view: Missing };
  const first = useRef(true);
  useEffect(() => {
    refresh();
  }, []);
  useEffect(() => {
    document.title = `${title} · OpenData Log`;
    // When a view is entered, not when the page is: the browser announces that itself.
    if (first.current) first.current = false;
    else document.getElementById("heading")?.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }, [path]);
  const skip = (event) => {
    event.preventDefault();
    document.getElementById("content").focus();
  };
  return html`
    <a class="skip" href="#content" onClick=${skip}>Skip to the content</a>
    <header class="masthead">
      <a class="brand" href=${href("overview")}><img src=${new URL("icon.svg", import.meta.url).href} alt="" width="24" height="24" /><span>OpenData Log</span></a>
      <span class="version">${access ? access.version : ""}</span>
      <span class="spread"></span>
      <${Session} /><${Theme} />
    </header>
    <${Navigation} path=${path} />
    <main id="content" tabindex="-1"><${View} key=${path} params=${params} /></main>`;
}

render(html`<${Console} />`, document.getElementById("console"));
