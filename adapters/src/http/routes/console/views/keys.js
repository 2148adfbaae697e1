// The keys of the log, by prefix, a page at a time.

import { html } from "../html.js";
import { call } from "../api.js";
import { bytesNamed, fromBase64, looseText, named, textOf, utf8 } from "../bytes.js";
import { Empty, Failed, Field, Heading, Loading, Needs, useAnswer, useText } from "../parts.js";
import { go, href } from "../router.js";
import { canChange, token, useSession } from "../session.js";
import { InLine, amount } from "../shown.js";

const PAGE = 100;

async function page(params, signal) {
  const prefix = bytesNamed("prefix", params);
  const query = { ...(prefix ? named("prefix", prefix) : {}), start_after_base64: params.after, limit: PAGE };
  const answer = await call("api/v1/log/keys", { query, token: token(), signal });
  return { keys: (answer.keys ?? []).map(({ key }) => fromBase64(key ?? "")), next: answer.nextStartAfter ?? null };
}

function Search({ params }) {
  const prefix = bytesNamed("prefix", params);
  const [text, setText] = useText(prefix ? (textOf(prefix) ?? "") : "");
  const search = (event) => {
    event.preventDefault();
    go("keys", text === "" ? {} : { prefix: text });
  };
  return html`<form class="bar" role="search" onSubmit=${search}>
    <${Field} label="Keys that begin with" wide>${(id) => html`<input id=${id} type="search" value=${text} placeholder="orders/" autocomplete="off" spellcheck=${false}
      onInput=${(event) => setText(event.currentTarget.value)} />`}<//>
    <button class="primary">Search</button>
    ${text !== "" && html`<a class="button" href=${href("prefix", named("prefix", utf8(text)))}>Read in order</a>`}
  </form>`;
}

function Rows({ keys, may }) {
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Keys"><table class="list">
    <caption class="hidden">Keys in byte order</caption>
    <thead><tr><th scope="col">Key</th><th scope="col"><span class="hidden">What to do with it</span></th></tr></thead>
    <tbody>${keys.map((key) => {
      const params = named("key", key);
      const text = looseText(key);
      return html`<tr key=${text}>
        <td class="key"><a class="mono" href=${href("key", params)}><${InLine} text=${text} /></a>${textOf(key) === null && html` <span class="badge">binary</span>`}</td>
        <td class="links"><a href=${href("tail", params)} aria-label=${`Follow ${text}`}>Follow</a>${may && html`<a href=${href("append", params)} aria-label=${`Append to ${text}`}>Append</a>`}</td>
      </tr>`;
    })}</tbody>
  </table></div>`;
}

function Listing({ params }) {
  const { access } = useSession();
  const [{ answer, error, busy }, again] = useAnswer((signal) => page(params, signal), [JSON.stringify(params)]);
  if (error) return html`<${Failed} error=${error} again=${again} />`;
  if (!answer) return html`<${Loading} what="Listing keys" />`;
  const { keys, next } = answer;
  const may = canChange(access);
  const prefix = bytesNamed("prefix", params);
  const empty = html`<${Empty} title=${params.after ? "No more keys" : prefix ? "No key begins with this" : "There are no keys yet"}>
    <p>${params.after ? html`<a href=${href("keys", { ...params, after: null })}>Back to the first page</a>` : html`A key exists from its first record on. ${may && html`<a href=${href("append", prefix ? named("key", prefix) : {})}>Append one</a>`}`}</p>
  <//>`;
  return html`<div class=${busy ? "busy" : ""}>
    ${keys.length ? html`<${Rows} keys=${keys} may=${may} />` : next === null && empty}
    <nav class="pages" aria-label="Pages">
      <span class="note">${keys.length > 0 && `${amount(keys.length, "key")}${params.after || next ? " on this page" : ""}`}</span>
      <span class="actions">
        ${params.after && html`<a class="button" href=${href("keys", { ...params, after: null })}>First page</a>`}
        ${next && html`<a class="button" href=${href("keys", { ...params, after: next })}>Next page</a>`}
        <button type="button" onClick=${again}>Refresh</button>
      </span>
    </nav>
  </div>`;
}

export function Keys({ params }) {
  return html`<${Heading} title="Keys" /><${Needs} right="read" what="Listing keys">
    <${Search} params=${params} />
    <${Listing} params=${params} />
  <//>`;
}
