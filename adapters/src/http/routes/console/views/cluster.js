// The nodes and the partitions of a cluster, as the server knows them that is asked.

import { html } from "../html.js";
import { href } from "../router.js";
import { count } from "../shown.js";

const LOOKS = { serving: "good", moving: "warn", unserved: "bad" };
const end = (sequence) => (sequence === undefined ? "–" : count(sequence));

export function Cluster({ cluster: { partitions, nodes } }) {
  const served = (name) => partitions.filter(({ node, state }) => node === name && state === "serving").length;
  return html`<section class="card" aria-label="Nodes"><h2>Nodes</h2>
      <div class="scroll" tabindex="0" role="region" aria-label="Table of nodes"><table>
        <caption class="hidden">Nodes of the cluster</caption>
        <thead><tr><th scope="col">Node</th><th scope="col">State</th><th scope="col" class="number">Partitions</th><th scope="col">Zone</th><th scope="col">Version</th><th scope="col">URL</th></tr></thead>
        <tbody>${nodes.map((node) => html`<tr key=${node.node}>
          <td class="mono">${node.node}</td><td>${node.alive ? html`<span class="badge good">alive</span>` : html`<span class="badge bad">dead</span>`}</td>
          <td class="number">${count(served(node.node))}</td><td>${node.zone ?? "–"}</td><td>${node.version}</td><td class="mono">${node.url}</td>
        </tr>`)}</tbody>
      </table></div>
    </section>
    <section class="card" aria-label="Partitions"><h2>Partitions</h2>
      <div class="scroll" tabindex="0" role="region" aria-label="Table of partitions"><table>
        <caption class="hidden">Partitions of the log</caption>
        <thead><tr><th scope="col" class="number">Partition</th><th scope="col">Node</th><th scope="col">State</th><th scope="col" class="number">Next sequence</th><th scope="col" class="number">Durable below</th></tr></thead>
        <tbody>${partitions.map(({ partition = 0, node, state, tip, durable }) => html`<tr key=${partition}>
          <td class="number"><a href=${href("prefix", { prefix: "", partition })}>${count(partition)}</a></td><td class="mono">${node ?? "–"}</td>
          <td><span class=${`badge ${LOOKS[state] ?? ""}`}>${state}</span></td><td class="number">${end(tip)}</td><td class="number">${end(durable)}</td>
        </tr>`)}</tbody>
      </table></div>
      <p class="note">The node that serves a partition knows its sequences.</p>
    </section>`;
}
