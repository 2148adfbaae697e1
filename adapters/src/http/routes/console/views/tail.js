// What is appended to a key, or to all keys with a prefix, as it happens.

import { html, useLayoutEffect, useRef, useState } from "../html.js";
import { looseText } from "../bytes.js";
import { Failed, Field, Heading, Needs, OneOf } from "../parts.js";
import { go, href } from "../router.js";
import { paramsOf, selected } from "../scans.js";
import { InLine, count, rough } from "../shown.js";
import { KEPT, useTail } from "./tailing.js";
import { InPartition } from "./partition.js";
import { FORMATS, Records } from "./record.js";
import { useFormat } from "./records.js";

const STARTS = { key: [["last", "with the last 50 records"], ["now", "from now on"], ["all", "from the oldest record"]], prefix: [["recent", "with the last 100 sequences"], ["now", "from now on"], ["all", "from the oldest record"]] };

function Choose({ selection, start }) {
  const [kind, setKind] = useState(selection?.kind ?? "prefix");
  const [text, setText] = useState(selection ? looseText(selection.bytes) : "");
  const [from, setFrom] = useState(start);
  const starts = STARTS[kind];
  const submit = (event) => {
    event.preventDefault();
    go("tail", { [kind]: text, start: from });
  };
  return html`<form class="bar" onSubmit=${submit}>
    <${Field} label="Follow">${(id) => html`<select id=${id} value=${kind} onChange=${(event) => {
      setKind(event.currentTarget.value);
      setFrom(STARTS[event.currentTarget.value][0][0]);
    }}><option value="prefix">keys that begin with</option><option value="key">the key</option></select>`}<//>
    <${Field} label=${kind === "key" ? "Key" : "Prefix"} wide>${(id) => html`<input id=${id} value=${text} required=${kind === "key"} placeholder=${kind === "key" ? "orders/4711" : "empty: the whole log"}
      autocomplete="off" spellcheck=${false} onInput=${(event) => setText(event.currentTarget.value)} />`}<//>
    <${Field} label="Start">${(id) => html`<select id=${id} value=${starts.some(([name]) => name === from) ? from : starts[0][0]} onChange=${(event) => setFrom(event.currentTarget.value)}>
      ${starts.map(([name, words]) => html`<option key=${name} value=${name}>${words}</option>`)}</select>`}<//>
    <button class="primary">Follow</button>
  </form>`;
}

const STATES = {
  connecting: ["", "connecting"], live: ["good", "live"], paused: ["warn", "paused"], waiting: ["warn", "reconnecting"], ended: ["bad", "ended"],
};

function Tail({ selection, start }) {
  const tail = useTail(selection, start);
  const [format, setFormat] = useFormat();
  const [sticks, setSticks] = useState(true);
  const list = useRef(null);
  const { state, records, received, dropped, error, next, perSecond } = tail;
  const [look, words] = STATES[state];

  useLayoutEffect(() => {
    if (sticks && list.current) list.current.scrollTop = list.current.scrollHeight;
  }, [records, sticks]);
  const scrolled = () => {
    const { scrollTop, scrollHeight, clientHeight } = list.current;
    setSticks(scrollHeight - scrollTop - clientHeight < 40);
  };
  return html`
    <div class="tools">
      <p class="states"><span class=${`badge ${look}`} id="tail-state" role="status">${words}</span>
        <span class="note figure">${count(received)} received${state === "live" ? `, ${rough(perSecond)}/s` : ""}${dropped > 0 ? `; the newest ${count(KEPT)} are kept` : ""}</span></p>
      <div class="actions">
        ${state === "paused" ? html`<button type="button" class="primary" onClick=${tail.resume}>Resume</button><button type="button" onClick=${tail.skip}>Skip to the end</button>`
          : state !== "ended" && html`<button type="button" class="primary" onClick=${tail.pause}>Pause</button>`}
        <button type="button" onClick=${tail.clear}>Clear</button>
        <${OneOf} label="Show values as" options=${FORMATS} value=${format} onChoose=${setFormat} />
      </div>
    </div>
    ${state === "paused" && html`<p class="message">Paused. Resume continues at sequence <b>${next === null ? "of the end" : count(next)}</b>, so that nothing is missed.</p>`}
    ${tail.trimmed !== null && html`<p class="message">Records below sequence <b>${count(tail.trimmed)}</b> were trimmed or deleted.</p>`}
    ${error && html`<${Failed} error=${error} again=${state === "ended" ? tail.resume : null} />`}
    <div class="scroll tail" tabindex="0" role="region" aria-label="Records as they come" ref=${list} onScroll=${scrolled}>
      ${records.length > 0 ? html`<${Records} records=${records} format=${format} withKey=${selection.kind === "prefix"} caption="Records as they come, the newest last" />`
        : html`<p class="waiting note">${state === "live" ? "Nothing yet. Records appear here as they are appended." : ""}</p>`}
    </div>
    ${!sticks && html`<p class="pages"><span class="note">Held where you scrolled to.</span><button type="button" onClick=${() => setSticks(true)}>To the newest</button></p>`}`;
}

export function LiveTail({ params }) {
  const selection = selected(params);
  const start = params.start ?? (selection?.kind === "key" ? "last" : "recent");
  const id = selection && `${selection.kind} ${looseText(selection.bytes)} ${start}`;
  const words = selection && (selection.kind === "key" ? "the key " : selection.bytes.length === 0 ? "the whole log" : "keys that begin with ");
  return html`<${Heading} title="Live tail" note=${selection && html`Following ${words}<span class="mono"><${InLine} text=${looseText(selection.bytes)} /></span>`}>
      ${selection && html`<a class="button" href=${href(selection.kind, paramsOf(selection))}>Read from storage</a>`}
    <//>
    <${Needs} right="read" what="Following records">
      <${Choose} key=${`choose ${id}`} selection=${selection} start=${start} />
      ${selection && html`<${InPartition} key=${`in ${id}`} path="tail" params=${params} selection=${selection}>${(part) => html`<${Tail} key=${`${id} ${part.partition}`} selection=${part} start=${start} />`}<//>`}
    <//>`;
}
