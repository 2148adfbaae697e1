// Who uses the console: signing in with a token, and what it may do.

import { html, useRef, useState } from "../html.js";
import { Failed, Field, Heading, Loading } from "../parts.js";
import { forget } from "../samples.js";
import { refresh, signIn, signOut, useSession } from "../session.js";

const RIGHTS = [
  ["read", "Read records, keys, segments, cursors and metrics"],
  ["append", "Append records; move and delete cursors"],
  ["admin", "Everything: also trim, delete keys, and see the configuration"]];

/** What HTTP can carry in a header, and a token may have. */
const TOKEN = /^[\w.~+/=-]+$/;

function Rights({ access }) {
  return html`<table class="list"><caption class="hidden">Rights</caption>
    <thead><tr><th scope="col">Right</th><th scope="col">Allows to</th><th scope="col">Has it</th></tr></thead>
    <tbody>${RIGHTS.map(([name, words]) => html`<tr key=${name}><th scope="row"><code>${name}</code></th><td>${words}</td><td>${access.rights.includes(name) ? html`<span class="badge good">yes</span>` : html`<span class="badge">no</span>`}</td></tr>`)}</tbody>
  </table>`;
}

function SignIn() {
  const [text, setText] = useState("");
  const [{ busy, problem, error }, setState] = useState({ busy: false, problem: null, error: null });
  const field = useRef(null);
  const submit = async (event) => {
    event.preventDefault();
    const token = text.trim();
    const wrong = (words) => {
      setState({ busy: false, problem: words, error: null });
      field.current.focus();
    };
    if (!TOKEN.test(token)) return wrong("A token has letters, digits and - . _ ~ + / = only.");
    setState({ busy: true, problem: null, error: null });
    try {
      if (!(await signIn(token))) return wrong("The server does not know this token.");
      forget();
    } catch (failed) {
      setState({ busy: false, problem: null, error: failed });
    }
    return undefined;
  };
  return html`<form class="card stack" onSubmit=${submit} novalidate>
    <${Field} label="Token" wide hint="It is kept until this tab is closed, and sent to this server only.">${(id) => html`<input id=${id} ref=${field} type="password" value=${text} autocomplete="off" spellcheck=${false} required
      aria-invalid=${String(Boolean(problem))} onInput=${(event) => setText(event.currentTarget.value)} />`}<//>
    ${problem && html`<p class="message bad" role="alert">${problem}</p>`}
    ${error && html`<${Failed} error=${error} />`}
    <div class="actions"><button class="primary" disabled=${busy}>Sign in</button></div>
  </form>`;
}

export function Access() {
  const { access, token, error } = useSession();
  const leave = async () => {
    await signOut();
    forget();
  };
  const body = () => {
    if (!access) return error ? html`<${Failed} error=${error} again=${refresh} />` : html`<${Loading} what="Asking the server who you are" />`;
    if (!access.authentication) {
      return html`<div class="message"><strong>This server asks for no token</strong><p>Whoever reaches it can do everything: read, append and delete. See <code>auth.tokens</code> in the documentation on security.</p></div><${Rights} access=${access} />`;
    }
    if (access.known) {
      return html`<div class="message good"><strong>Signed in with a token</strong><p>It is kept until this tab is closed.</p><button type="button" onClick=${leave}>Sign out</button></div><${Rights} access=${access} />`;
    }
    return html`${token && html`<p class="message bad" role="alert">The token of this tab is not known any more. Sign in with another one.</p>`}<${SignIn} />`;
  };
  return html`<${Heading} title="Access" /><div class="stack narrow">${body()}</div>`;
}
