// What several views are made of.

import { html, useEffect, useRef, useState } from "./html.js";
import { inWords } from "./api.js";
import { href } from "./router.js";
import { refresh, useSession } from "./session.js";
import { InLine } from "./shown.js";

/** A heading of a view, with what one can do beside it. It takes the focus when the view is entered, so that a reader hears where it is. */
export function Heading({ title, children, note }) {
  return html`<header class="heading">
    <div><h1 tabindex="-1" id="heading">${title}</h1>${note && html`<p class="note">${note}</p>`}</div>
    ${children && html`<div class="actions">${children}</div>`}
  </header>`;
}

/** An error in words, with what to do about it. */
export function Failed({ error, again }) {
  const { title, meaning, said } = inWords(error);
  return html`<div class="message bad" role="alert">
    <strong>${title}</strong>
    ${meaning && html`<p>${meaning}</p>`}
    ${said && html`<p class="said"><${InLine} text=${said} most=${600} /></p>`}
    ${error.retryAfter && html`<p>It may work again in ${error.retryAfter} s.</p>`}
    ${error.requestId && html`<p class="note">Request <code>${error.requestId}</code></p>`}
    ${error.code === "unauthenticated" && html`<p><a href=${href("access")}>Sign in with a token</a></p>`}
    ${again && html`<button type="button" onClick=${again}>Try again</button>`}
  </div>`;
}

export function Loading({ what }) {
  return html`<p class="loading" role="status"><span class="spinner" aria-hidden="true"></span>${what}…</p>`;
}

/** What is there when nothing is there. */
export function Empty({ title, children }) {
  return html`<div class="empty"><strong>${title}</strong>${children}</div>`;
}

/** Its children for who has the right; for others, what is missing. */
export function Needs({ right, what, children }) {
  const { access, token, error } = useSession();
  if (!access) return error ? html`<${Failed} error=${error} again=${refresh} />` : html`<${Loading} what="Asking the server who you are" />`;
  if (access.rights.includes(right)) return children;
  if (!access.known) {
    return html`<${Empty} title=${token ? "This token is not known any more" : "This server asks for a token"}>
      <p>${what} needs the right <code>${right}</code>.</p>
      <p><a class="button primary" href=${href("access")}>Sign in</a></p>
    <//>`;
  }
  return html`<${Empty} title="This token does not allow it">
    <p>${what} needs the right <code>${right}</code>. This token has: ${access.rights.map((has, at) => html`${at > 0 && ", "}<code>${has}</code>`)}.</p>
    <p><a href=${href("access")}>Use another token</a></p>
  <//>`;
}

export function Copy({ text, label = "Copy", what }) {
  const [done, setDone] = useState("");
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text());
      setDone("Copied");
    } catch {
      // Browsers allow it on HTTPS and localhost only.
      setDone(copiedByHand(text()) ? "Copied" : "Select it and press Ctrl+C");
    }
    setTimeout(() => setDone(""), 1500);
  };
  return html`<button type="button" class="small" onClick=${copy} aria-label=${`${label} ${what}`}>${done || label}<span class="hidden" role="status">${done}</span></button>`;
}

function copiedByHand(text) {
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "hidden";
  document.body.append(field);
  field.select();
  const copied = document.execCommand("copy");
  field.remove();
  return copied;
}

/** One of a few, as buttons beside each other. */
export function OneOf({ label, options, value, onChoose }) {
  return html`<div class="oneof" role="group" aria-label=${label}>
    ${options.map(([name, text]) => html`<button type="button" key=${name} aria-pressed=${String(name === value)} onClick=${() => onChoose(name)}>${text}</button>`)}
  </div>`;
}

let fields = 0;

/** An id of its own for a field and its label. */
export function useId() {
  const id = useRef(null);
  if (id.current === null) {
    fields += 1;
    id.current = `field-${fields}`;
  }
  return id.current;
}

/** A field with its label above it; `children` is what makes the field of an id. */
export function Field({ label, hint, wide, children }) {
  const id = useId();
  return html`<div class=${wide ? "field wide" : "field"}>
    <label for=${id}>${label}</label>
    ${children(id)}
    ${hint && html`<p class="note">${hint}</p>`}
  </div>`;
}

/** Text of a field that begins as `given` and follows it when the address changes. The field stays the same one, and keeps the focus. */
export function useText(given) {
  const [text, setText] = useState(given);
  useEffect(() => setText(given), [given]);
  return [text, setText];
}

/** What a request answers, with the time until then and errors: `[{ answer, error, busy }, again]`. */
export function useAnswer(ask, inputs) {
  const [state, setState] = useState({ answer: null, error: null, busy: true });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const leaving = new AbortController();
    setState((before) => ({ ...before, busy: true }));
    Promise.resolve(ask(leaving.signal)).then(
      (answer) => leaving.signal.aborted || setState({ answer, error: null, busy: false }),
      (error) => {
        if (leaving.signal.aborted) return;
        setState({ answer: null, error, busy: false });
        // A token that was taken away is one that the views should know of.
        if (error.status === 401 || error.status === 403) refresh();
      },
    );
    return () => leaving.abort();
  }, [...inputs, turn]);
  return [state, () => setTurn((before) => before + 1)];
}

/** A dialog that asks before something is done that cannot be undone. */
export function Confirm({ title, children, action, onYes, onNo }) {
  const dialog = useRef(null);
  useEffect(() => {
    dialog.current.showModal();
  }, []);
  return html`<dialog ref=${dialog} aria-labelledby="confirm-title" onClose=${onNo}>
    <h2 id="confirm-title">${title}</h2>
    ${children}
    <div class="actions"><button type="button" onClick=${onNo}>Cancel</button><button type="button" class="danger" onClick=${onYes}>${action}</button></div>
  </dialog>`;
}
