// The configuration in force, as `opendata-log config show` prints it.

import { html, useState } from "../html.js";
import { call } from "../api.js";
import { Empty, Failed, Field, Heading, Loading, Needs, useAnswer } from "../parts.js";
import { token } from "../session.js";
import { InLine, count } from "../shown.js";

function Source({ source }) {
  const [kind, ...name] = source.split(" ");
  return html`<span class=${`badge ${kind === "default" ? "" : "good"}`}>${kind}</span>${name.length > 0 && html` <code><${InLine} text=${name.join(" ")} /></code>`}`;
}

function Settings() {
  const [{ answer, error }, again] = useAnswer((signal) => call("-/config", { token: token(), signal }), []);
  const [text, setText] = useState("");
  const [changed, setChanged] = useState(false);
  if (error) return html`<${Failed} error=${error} again=${again} />`;
  if (!answer) return html`<${Loading} what="Reading the configuration" />`;
  const wanted = text.trim().toLowerCase();
  const fits = ({ name, value, source }) => (!changed || source !== "default") && `${name} ${value}`.toLowerCase().includes(wanted);
  const settings = answer.settings.filter(fits);
  return html`
    <div class="bar">
      <${Field} label="Name or value has" wide>${(id) => html`<input id=${id} type="search" value=${text} placeholder="retention" autocomplete="off" spellcheck=${false} onInput=${(event) => setText(event.currentTarget.value)} />`}<//>
      <label class="check"><input type="checkbox" checked=${changed} onChange=${(event) => setChanged(event.currentTarget.checked)} /> Only what is not the default</label>
    </div>
    ${settings.length === 0 ? html`<${Empty} title="No setting fits" />` : html`<div class="scroll" tabindex="0" role="region" aria-label="Settings"><table class="list settings">
      <caption class="hidden">Settings in force</caption>
      <thead><tr><th scope="col">Setting</th><th scope="col">Value</th><th scope="col">From</th></tr></thead>
      <tbody>${settings.map(({ name, value, source }) => html`<tr key=${name}><th scope="row" class="mono"><${InLine} text=${name} /></th><td class="mono"><${InLine} text=${value} most=${400} /></td><td><${Source} source=${source} /></td></tr>`)}</tbody>
    </table></div>`}
    <p class="pages"><span class="note">${count(settings.length)} of ${count(answer.settings.length)} settings. Secrets are not sent.</span></p>`;
}

export function Config() {
  return html`<${Heading} title="Configuration" note="What is in force on this server since it started, and where each value comes from." /><${Needs} right="admin" what="Reading the configuration"><${Settings} /><//>`;
}
