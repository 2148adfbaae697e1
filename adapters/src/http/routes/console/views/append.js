// Appends a record, and shows the same as a command or a program.

import { html, useMemo, useRef, useState } from "../html.js";
import { call } from "../api.js";
import { bytesNamed, fromBase64, named, textOf, toBase64, utf8 } from "../bytes.js";
import { Copy, Failed, Field, Heading, Needs, OneOf } from "../parts.js";
import { href } from "../router.js";
import { sequenceIn } from "../sequences.js";
import { token, useSession } from "../session.js";
import { count } from "../shown.js";
import { bodyOf, commandLine, curl, python } from "../snippets.js";

const KINDS = [["text", "Text"], ["json", "JSON"], ["base64", "Base64"]];
const KEY_KINDS = [["text", "Text"], ["base64", "Base64"]];
const PROGRAMS = [["curl", "curl", curl], ["python", "Python", python], ["command", "Command line", commandLine]];

/** The bytes that were entered. Throws a SyntaxError that says what is wrong. */
function bytesOf(kind, text, what) {
  if (kind === "base64") {
    try {
      return fromBase64(text);
    } catch {
      throw new SyntaxError(`The ${what} is not valid base64.`);
    }
  }
  if (kind === "json") {
    try {
      JSON.parse(text);
    } catch (error) {
      throw new SyntaxError(`The ${what} is not JSON: ${error.message}`);
    }
  }
  return utf8(text);
}

/** The append that the form describes: `{ append }`, or `{ problem }` in words and the field that has it. */
function described(form) {
  try {
    const key = bytesOf(form.keyKind, form.key, "key");
    if (key.length === 0) return { problem: "Enter a key.", field: "key" };
    const value = bytesOf(form.kind, form.value, "value");
    const headers = form.headers.filter(({ name, value: text }) => name !== "" || text !== "");
    if (headers.some(({ name }) => name === "")) return { problem: "A header has no name.", field: "headers" };
    if (form.guarded && sequenceIn(form.since) === null) return { problem: "Enter the sequence of the precondition.", field: "since" };
    return { append: { key, value, headers, durable: form.durable, unchangedSince: form.guarded ? Number(sequenceIn(form.since)) : null } };
  } catch (error) {
    return { problem: error.message, field: "value" };
  }
}

function Headers({ headers, set }) {
  const change = (at, part) => set(headers.map((header, index) => (index === at ? { ...header, ...part } : header)));
  return html`<fieldset class="wide"><legend>Headers</legend>
    ${headers.map(({ name, value }, at) => html`<div class="bar" key=${at}>
      <${Field} label=${`Name of header ${at + 1}`}>${(id) => html`<input id=${id} value=${name} placeholder="content-type" autocomplete="off" spellcheck=${false} onInput=${(event) => change(at, { name: event.currentTarget.value })} />`}<//>
      <${Field} label=${`Value of header ${at + 1}`} wide>${(id) => html`<input id=${id} value=${value} placeholder="application/json" autocomplete="off" spellcheck=${false} onInput=${(event) => change(at, { value: event.currentTarget.value })} />`}<//>
      <button type="button" onClick=${() => set(headers.filter((_, index) => index !== at))} aria-label=${`Remove header ${at + 1}`}>Remove</button>
    </div>`)}
    <button type="button" class="small" onClick=${() => set([...headers, { name: "", value: "" }])}>Add a header</button>
  </fieldset>`;
}

function Snippets({ append, withToken }) {
  const [chosen, setChosen] = useState("curl");
  const [, , program] = PROGRAMS.find(([name]) => name === chosen);
  const text = program(append, withToken);
  return html`<section class="card" aria-label="The same elsewhere">
    <div class="tools"><h2>The same elsewhere</h2><div class="actions"><${OneOf} label="Show it as" options=${PROGRAMS.map(([name, words]) => [name, words])} value=${chosen} onChoose=${setChosen} />
      <${Copy} text=${() => text} what=${`as ${chosen}`} /></div></div>
    <pre class="value code" tabindex="0" aria-label="Program">${text}</pre>
  </section>`;
}

function Appended({ done }) {
  const params = named("key", done.key);
  return html`<div class="message good" role="status"><strong>Appended as sequence ${count(done.sequence)}</strong>
    <p>${done.durable ? "It is durable." : "It is applied; it becomes durable with the next flush."} <a href=${href("key", { ...params, from: done.sequence })}>Show the record</a></p>
  </div>`;
}

function Conflict({ conflict, useSince }) {
  if (!conflict) return null;
  const last = conflict.lastSequence;
  return html`<p class="message">${last === undefined ? html`Records of the key below ${count(conflict.trimmedBefore ?? 0)} were trimmed or deleted: read what is left of it.`
    : html`The key's last record has sequence <b>${count(last)}</b>. Read it, then <button type="button" class="small" onClick=${() => useSince(String(Number(last) + 1))}>require ${count(Number(last) + 1)}</button>`}</p>`;
}

function Form({ params }) {
  const { access } = useSession();
  const given = bytesNamed("key", params);
  const text = given && textOf(given);
  const [form, setForm] = useState({
    key: given ? (text ?? toBase64(given)) : "", keyKind: given && text === null ? "base64" : "text", value: "", kind: "text", headers: [], durable: true, guarded: false, since: "",
  });
  const [{ busy, error, done }, setState] = useState({ busy: false, error: null, done: null });
  const [tried, setTried] = useState(false);
  const problemBox = useRef(null);
  const set = (part) => setForm((before) => ({ ...before, ...part }));
  const typed = (name) => (event) => set({ [name]: event.currentTarget.value });
  const { append, problem } = useMemo(() => described(form), [form]);

  const submit = async (event) => {
    event.preventDefault();
    setTried(true);
    if (problem) {
      setTimeout(() => problemBox.current?.focus());
      return;
    }
    setState({ busy: true, error: null, done: null });
    try {
      const answer = await call("api/v1/log/append", { method: "POST", body: bodyOf(append), token: token() });
      setState({ busy: false, error: null, done: { key: append.key, sequence: answer.startSequence ?? 0, durable: append.durable } });
      setTried(false);
    } catch (failed) {
      setState({ busy: false, error: failed, done: null });
    }
  };
  return html`<form class="card stack" onSubmit=${submit} novalidate>
      <div class="bar"><${Field} label="Key" wide>${(id) => html`<input id=${id} class="mono" value=${form.key} placeholder="orders/4711" required autocomplete="off" spellcheck=${false} onInput=${typed("key")} />`}<//>
        <${OneOf} label="The key is" options=${KEY_KINDS} value=${form.keyKind} onChoose=${(keyKind) => set({ keyKind })} /></div>
      <div class="bar top"><${Field} label="Value" wide>${(id) => html`<textarea id=${id} class="mono" rows="8" value=${form.value} spellcheck=${false} placeholder=${form.kind === "json" ? '{"state": "paid"}' : ""} onInput=${typed("value")}></textarea>`}<//>
        <${OneOf} label="The value is" options=${KINDS} value=${form.kind} onChoose=${(kind) => set({ kind })} /></div>
      <${Headers} headers=${form.headers} set=${(headers) => set({ headers })} />
      <fieldset class="wide"><legend>How</legend>
        <label class="check"><input type="checkbox" checked=${form.durable} onChange=${(event) => set({ durable: event.currentTarget.checked })} /> Wait until it is durable</label>
        <label class="check"><input type="checkbox" checked=${form.guarded} onChange=${(event) => set({ guarded: event.currentTarget.checked })} /> Only if the key has no record since a sequence</label>
        ${form.guarded && html`<${Field} label="No record at or above" hint="0: only if the key has no record at all.">${(id) => html`<input id=${id} class="short" inputmode="numeric" value=${form.since} placeholder="0" autocomplete="off" onInput=${typed("since")} />`}<//>`}
      </fieldset>
      ${tried && problem && html`<p class="message bad" role="alert" tabindex="-1" ref=${problemBox}>${problem}</p>`}
      ${error && html`<${Failed} error=${error} />`}
      ${error && html`<${Conflict} conflict=${error.conflict} useSince=${(since) => set({ since, guarded: true })} />`}
      ${done && html`<${Appended} done=${done} />`}
      <div class="actions"><button class="primary" disabled=${busy}>${busy ? "Appending…" : "Append"}</button>${access.changes === "forwarded" && html`<span class="note">This server is read-only and forwards it to <code>${access.writer}</code>.</span>`}</div>
    </form>
    ${append && html`<${Snippets} append=${append} withToken=${access.authentication} />`}`;
}

function ReadOnly() {
  return html`<div class="message"><strong>This server is read-only</strong><p>It reads the log from the object store, and does not know the server that writes it. Append there, or start this one with
    <code>--writer-url</code> so that it forwards appends.</p></div>`;
}

export function Append({ params }) {
  const { access } = useSession();
  const refused = access?.changes === "refused";
  return html`<${Heading} title="Append" /><${Needs} right="append" what="Appending">
    ${refused ? html`<${ReadOnly} />` : html`<div class="stack"><${Form} key=${JSON.stringify(params)} params=${params} /></div>`}
  <//>`;
}
