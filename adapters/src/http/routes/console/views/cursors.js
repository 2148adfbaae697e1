// Cursors: how far consumers have got. They can be moved and deleted.

import { html, useState } from "../html.js";
import { call } from "../api.js";
import { usePartitions } from "../cluster.js";
import { Confirm, Empty, Failed, Field, Heading, Loading, Needs, useAnswer, useText } from "../parts.js";
import { go, href } from "../router.js";
import { SEQUENCE, sequenceIn } from "../sequences.js";
import { canChange, token, useSession } from "../session.js";
import { InLine, count, timeText } from "../shown.js";

const PAGE = 100;
const pathOf = (name) => `api/v1/log/cursors/${encodeURIComponent(name)}`;

async function page(params, signal) {
  const query = { prefix: params.prefix, start_after: params.after, limit: PAGE };
  const answer = await call("api/v1/log/cursors", { query, token: token(), signal });
  return { cursors: answer.cursors ?? [], next: answer.nextStartAfter ?? null };
}

/** Moves a cursor, or creates one: only if it is where it was seen. */
function Move({ name, position, onDone, onCancel }) {
  const creating = name === null;
  const [named, setNamed] = useState(name ?? "");
  const [to, setTo] = useState(creating ? "0" : String(position));
  const [{ busy, error }, setState] = useState({ busy: false, error: null });
  const submit = async (event) => {
    event.preventDefault();
    const wanted = sequenceIn(to);
    if (wanted === null || named === "") return;
    setState({ busy: true, error: null });
    try {
      await call(pathOf(named), { method: "PUT", body: { position: Number(wanted), expected: creating ? 0 : position }, token: token() });
      onDone();
    } catch (failed) {
      setState({ busy: false, error: failed });
    }
  };
  return html`<form class="card" onSubmit=${submit} aria-label=${creating ? "Create a cursor" : "Move a cursor"}>
    <h2>${creating ? "Create a cursor" : html`Move <span class="mono"><${InLine} text=${name} /></span>`}</h2>
    <div class="bar">
      ${creating && html`<${Field} label="Name" wide>${(id) => html`<input id=${id} required value=${named} placeholder="orders-projection" autocomplete="off" spellcheck=${false} onInput=${(event) => setNamed(event.currentTarget.value)} />`}<//>`}
      <${Field} label="Position" hint="The sequence to read next.">${(id) => html`<input id=${id} class="short" inputmode="numeric" pattern=${SEQUENCE} title="Digits, such as 1003 or 1,003" required value=${to} autocomplete="off" onInput=${(event) => setTo(event.currentTarget.value)} />`}<//>
      <div class="actions"><button class="primary" disabled=${busy}>${creating ? "Create" : "Move"}</button><button type="button" onClick=${onCancel}>Cancel</button></div>
    </div>
    ${!creating && html`<p class="note">It is moved only if it is still at ${count(position)}, so that its consumer is not overtaken.</p>`}
    ${error && html`<${Failed} error=${error} />`}
    ${error?.conflict && html`<p class="message">It is at <b>${count(error.conflict.position ?? 0)}</b> now. Refresh the list and decide again.</p>`}
  </form>`;
}

function Rows({ cursors, may, onMove, onDelete }) {
  // In a cluster, a position is one of the partition that the name belongs to, which only the server computes.
  const [partitions] = usePartitions();
  const place = (position) => (partitions === 1 ? html`<a href=${href("prefix", { prefix: "", from: position })}>${count(position)}</a>` : count(position));
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Cursors"><table class="list">
    <caption class="hidden">Cursors in byte order of their names</caption>
    <thead><tr><th scope="col">Name</th><th scope="col" class="number">Position</th><th scope="col" class="number">Lag</th><th scope="col">Moved</th><th scope="col"><span class="hidden">What to do with it</span></th></tr></thead>
    <tbody>${cursors.map((cursor) => html`<tr key=${cursor.name}>
      <td class="mono"><${InLine} text=${cursor.name} /></td>
      <td class="number">${place(cursor.position ?? 0)}</td>
      <td class="number">${count(cursor.lag ?? 0)}</td><td class="time">${timeText(cursor.updatedMs ?? 0, { seconds: 0 })}</td>
      <td class="links">${may && html`<button type="button" class="small" onClick=${() => onMove(cursor)} aria-label=${`Move ${cursor.name}`}>Move</button>
        <button type="button" class="small danger" onClick=${() => onDelete(cursor)} aria-label=${`Delete ${cursor.name}`}>Delete</button>`}</td>
    </tr>`)}</tbody>
  </table></div>`;
}

function Listing({ params }) {
  const { access } = useSession();
  const may = canChange(access);
  const [{ answer, error, busy }, again] = useAnswer((signal) => page(params, signal), [JSON.stringify(params)]);
  const [moving, setMoving] = useState(null);
  const [deleting, setDeleting] = useState(null);
  const [failed, setFailed] = useState(null);
  const done = () => {
    setMoving(null);
    again();
  };
  const remove = async () => {
    const { name } = deleting;
    setDeleting(null);
    setFailed(null);
    try {
      await call(pathOf(name), { method: "DELETE", token: token() });
    } catch (thrown) {
      setFailed(thrown);
    }
    again();
  };
  if (error) return html`<${Failed} error=${error} again=${again} />`;
  if (!answer) return html`<${Loading} what="Listing cursors" />`;
  const { cursors, next } = answer;
  return html`<div class=${`stack ${busy ? "busy" : ""}`}>
    ${failed && html`<${Failed} error=${failed} />`}
    ${moving && html`<${Move} key=${moving.name} name=${moving.name} position=${moving.position ?? 0} onDone=${done} onCancel=${() => setMoving(null)} />`}
    ${cursors.length > 0 ? html`<${Rows} cursors=${cursors} may=${may} onMove=${setMoving} onDelete=${setDeleting} />`
      : html`<${Empty} title=${params.prefix ? "No cursor begins with this" : "There are no cursors"}><p>A cursor is a position that the server keeps for a consumer. Consumers create them when they commit.</p><//>`}
    <nav class="pages" aria-label="Pages">
      <span class="note">${!may && html`Moving and deleting cursors needs the right <code>append</code>, on the server that writes the log.`}</span>
      <span class="actions">
        ${params.after && html`<a class="button" href=${href("cursors", { prefix: params.prefix })}>First page</a>`}
        ${next && html`<a class="button" href=${href("cursors", { prefix: params.prefix, after: next })}>Next page</a>`}
        ${may && html`<button type="button" onClick=${() => setMoving({ name: null })}>Create a cursor</button>`}
        <button type="button" onClick=${again}>Refresh</button>
      </span>
    </nav>
    ${deleting && html`<${Confirm} title="Delete this cursor?" action="Delete" onYes=${remove} onNo=${() => setDeleting(null)}>
      <p>Its consumer starts at the beginning of the log when it runs again. The cursor <span class="mono"><${InLine} text=${deleting.name} /></span> is at ${count(deleting.position ?? 0)}.</p>
    <//>`}
  </div>`;
}

function Search({ params }) {
  const [text, setText] = useText(params.prefix ?? "");
  const submit = (event) => {
    event.preventDefault();
    go("cursors", text === "" ? {} : { prefix: text });
  };
  return html`<form class="bar" role="search" onSubmit=${submit}>
    <${Field} label="Cursors that begin with" wide>${(id) => html`<input id=${id} type="search" value=${text} autocomplete="off" spellcheck=${false} onInput=${(event) => setText(event.currentTarget.value)} />`}<//>
    <button class="primary">Search</button>
  </form>`;
}

export function Cursors({ params }) {
  return html`<${Heading} title="Cursors" note="How far consumers have read." /><${Needs} right="read" what="Listing cursors">
    <${Search} params=${params} /><${Listing} params=${params} />
  <//>`;
}
