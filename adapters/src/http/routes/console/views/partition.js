// Which partition of a cluster is read: sequences count in each for itself, and there is no order of all of them.

import { html } from "../html.js";
import { hasTag, usePartitions } from "../cluster.js";
import { Failed, Field, Loading } from "../parts.js";
import { go } from "../router.js";
import { paramsOf } from "../scans.js";

/** The view that `children` makes of a selection, with a partition and a field to choose it where there are several and the keys may be in any. */
export function InPartition({ path, params, selection, children }) {
  const [partitions, error, again] = usePartitions();
  if (partitions === null) return error ? html`<${Failed} error=${error} again=${again} />` : html`<${Loading} what="Asking for the partitions" />`;
  if (partitions === 1 || selection.kind === "key" || hasTag(selection.bytes)) return children(selection);
  const partition = Math.min(Math.max(0, Math.floor(Number(params.partition) || 0)), partitions - 1);
  const choose = (event) => go(path, { ...paramsOf(selection), start: params.start, n: params.n, partition: event.currentTarget.value });
  return html`
    <div class="bar"><${Field} label="Partition" hint="Each has sequences of its own.">${(id) => html`<select id=${id} value=${String(partition)} onChange=${choose}>
      ${Array.from({ length: partitions }, (_, number) => html`<option key=${number} value=${String(number)}>${number} of ${partitions}</option>`)}
    </select>`}<//></div>
    ${children({ ...selection, partition })}`;
}
