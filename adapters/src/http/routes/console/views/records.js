// Records in order: of one key, or of all keys that begin with a prefix.

import { html, useState } from "../html.js";
import { looseText, textOf } from "../bytes.js";
import { Empty, Failed, Field, Heading, Loading, Needs, OneOf, useAnswer, useText } from "../parts.js";
import { go, href } from "../router.js";
import { PAGE, counted, paramsOf, read, selected } from "../scans.js";
import { canChange, useSession } from "../session.js";
import { InLine, amount, count } from "../shown.js";
import { InPartition } from "./partition.js";
import { Position } from "./position.js";
import { FORMATS, Records } from "./record.js";

/** The format that was chosen last holds until the page is left. */
let chosen = "text";

export function useFormat() {
  const [format, setFormat] = useState(chosen);
  return [format, (next) => {
    chosen = next;
    setFormat(next);
  }];
}

export function Count({ bytes }) {
  const [{ answer, error }] = useAnswer((signal) => counted(bytes, signal), [looseText(bytes)]);
  if (error) return html`<span class="note">not counted</span>`;
  return html`<span class="note figure">${answer === null ? "…" : amount(answer, "record")}</span>`;
}

function Pages({ path, of, params, page, newest, onRefresh }) {
  const { records, next } = page;
  const first = records.length > 0 ? records[0].sequence : (params.from ?? params.before);
  const n = params.n;
  const byKey = path === "key";
  // A page of the newest records that is not full has all of them.
  const all = byKey && newest && records.length < Number(n ?? PAGE) && !page.more;
  const atStart = (!byKey && params.from === undefined && params.time === undefined && params.before === undefined && !newest) || (byKey && all) || Number(first) === 0;
  return html`<nav class="pages" aria-label="Pages">
    <span class="note figure">${records.length > 0 && `${amount(records.length, "record")}, ${count(records[0].sequence)} to ${count(records.at(-1).sequence)}`}</span>
    <span class="actions">
      <a class="button" href=${href(path, { ...of, from: 0, n })}>Oldest</a>
      ${atStart || first === undefined ? html`<span class="button off">Older</span>` : html`<a class="button" href=${href(path, { ...of, before: first, n })}>Older</a>`}
      ${newest ? html`<span class="button off">Newer</span>` : html`<a class="button" href=${href(path, { ...of, from: next, n })}>Newer</a>`}
      <a class="button" href=${href(path, { ...of, n, newest: byKey ? undefined : 1 })}>Newest</a>
      <button type="button" onClick=${onRefresh}>Refresh</button>
    </span>
  </nav>`;
}

function Nothing({ params, of, page }) {
  const { access } = useSession();
  const beyond = params.from !== undefined || params.time !== undefined;
  const title = page.more ? "Nothing found yet" : beyond ? "No records from here on" : params.before ? "No records before this" : "No records";
  return html`<${Empty} title=${title}>
    <p>${page.more ? html`The page ended in time. <a href=${href(of.path, { ...of.params, from: page.next })}>Read on from ${count(page.next)}</a>`
      : html`<a href=${href("tail", of.params)}>Follow</a> what comes${canChange(access) && html`, or <a href=${href("append", of.params)}>append a record</a>`}.`}</p>
  <//>`;
}

function Page({ path, selection, params }) {
  const of = paramsOf(selection);
  const limit = Math.min(500, Number(params.n) || PAGE);
  const [format, setFormat] = useFormat();
  const [{ answer, error, busy }, again] = useAnswer((signal) => read(selection, params, limit, signal), [path, JSON.stringify(params)]);
  const newest = path === "prefix" ? params.newest !== undefined : params.from === undefined && params.time === undefined && params.before === undefined;
  const withKey = selection.kind === "prefix";
  return html`
    <div class="tools">
      <${Position} key=${JSON.stringify(params)} path=${path} of=${of} params=${params} limit=${limit} />
      <${OneOf} label="Show values as" options=${FORMATS} value=${format} onChoose=${setFormat} />
    </div>
    ${error && html`<${Failed} error=${error} again=${again} />`}
    ${!answer && !error && html`<${Loading} what="Reading" />`}
    ${answer && html`<div class=${busy ? "busy" : ""}>
      ${answer.trimmedBefore !== null && html`<p class="message">Records below sequence <b>${count(answer.trimmedBefore)}</b> were trimmed or deleted.</p>`}
      ${answer.records.length > 0
        ? html`<div class="scroll" tabindex="0" role="region" aria-label="Records"><${Records} records=${answer.records} format=${format} withKey=${withKey} caption="Records in the order of their sequences" /></div>`
        : html`<${Nothing} params=${params} of=${{ path, params: of }} page=${answer} />`}
      <${Pages} path=${path} of=${of} params=${params} page=${answer} newest=${newest} onRefresh=${again} />
    </div>`}`;
}

export function OfKey({ params }) {
  const { access } = useSession();
  const selection = selected({ key: params.key, key_base64: params.key_base64 });
  if (!selection || selection.bytes.length === 0) return html`<${Heading} title="Records" /><${Empty} title="No key is named"><p><a href=${href("keys")}>Choose one</a></p><//>`;
  const of = paramsOf(selection);
  const name = looseText(selection.bytes);
  return html`
    <${Heading} title=${html`<span class="mono"><${InLine} text=${name} /></span>`}>
      ${access?.rights.includes("read") && html`<${Count} key=${name} bytes=${selection.bytes} />`}
      ${textOf(selection.bytes) === null && html`<span class="badge">binary key</span>`}
      ${access?.rights.includes("read") && html`<a class="button" href=${href("tail", of)}>Follow</a>`}${canChange(access) && html`<a class="button" href=${href("append", of)}>Append</a>`}
    <//>
    <${Needs} right="read" what="Reading records"><${Page} key=${name} path="key" selection=${selection} params=${params} /><//>`;
}

function Prefix({ selection, partition }) {
  const [text, setText] = useText(textOf(selection.bytes) ?? "");
  const submit = (event) => {
    event.preventDefault();
    go("prefix", { prefix: text, partition });
  };
  return html`<form class="bar" onSubmit=${submit}>
    <${Field} label="Keys that begin with" wide hint="Empty: every key of the log">${(id) => html`<input id=${id} type="search" value=${text} placeholder="orders/" autocomplete="off" spellcheck=${false}
      onInput=${(event) => setText(event.currentTarget.value)} />`}<//>
    <button class="primary">Read</button>
    <a class="button" href=${href("tail", { prefix: text, partition })}>Follow</a>
  </form>`;
}

export function OfPrefix({ params }) {
  const selection = selected({ prefix: params.prefix ?? (params.prefix_base64 === undefined ? "" : undefined), prefix_base64: params.prefix_base64 });
  const problem = !selection && html`<${Empty} title="The prefix in this link is not valid base64"></${Empty}>`;
  return html`<${Heading} title="Records in order" note="Records of many keys in the one order in which they were appended." />
    <${Needs} right="read" what="Reading records">
      ${problem || html`<${Prefix} selection=${selection} partition=${params.partition} />
        <${InPartition} path="prefix" params=${params} selection=${selection}>${(part) => html`<${Page} key=${`read ${looseText(part.bytes)} ${part.partition}`} path="prefix" selection=${part} params=${params} />`}<//>`}
    <//>`;
}
