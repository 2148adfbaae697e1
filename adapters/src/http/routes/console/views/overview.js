// How the server does: the last five minutes, and its segments, or the nodes and partitions of a cluster.

import { html, useEffect, useRef, useState } from "../html.js";
import { call } from "../api.js";
import { Chart } from "../charts.js";
import { cluster } from "../cluster.js";
import { Failed, Heading, Loading, Needs, useAnswer } from "../parts.js";
import { EVERY_MS, KEPT, useSamples } from "../samples.js";
import { token, useSession } from "../session.js";
import { amount, bytesText, count, rough, secondsText, timeText } from "../shown.js";
import { Cluster } from "./cluster.js";
import { Segments } from "./segments.js";

const SECONDS = (KEPT * EVERY_MS) / 1000;
/** After so many seconds, who serves the partitions is asked for again. */
const MAP_SECONDS = 10;
const WHOLE = (value) => (value === null ? "–" : rough(value));

const THROUGHPUT = [{ name: "appended", of: "appended", colour: "--one", fill: true }, { name: "read", of: "scanned", colour: "--two" }];
const LATENCY = [
  { name: "append p50", of: "p50", colour: "--one" }, { name: "p95", of: "p95", colour: "--three" },
  { name: "p99", of: "p99", colour: "--four" }, { name: "read p99", of: "reads", colour: "--two" }];
const LAG = [{ name: "oldest record not durable", of: "lagSeconds", colour: "--three", fill: true }];
const QUEUE = [{ name: "appends waiting", of: "queueRequests", colour: "--one", fill: true }, { name: "requests in flight", of: "inFlight", colour: "--two" }];

function Tile({ name, figure, more }) {
  return html`<div class="tile"><dt>${name}</dt><dd><span class="figure">${figure}</span>${more && html`<span class="note">${more}</span>`}</dd></div>`;
}

function Tiles({ now, last, changes }) {
  // Records are in the write-ahead log before they are in data files.
  const onlyInWal = now.stored === 0 && now.tip > (now.floor ?? 0);
  return html`<dl class="tiles">
    <${Tile} name="Next sequence" figure=${now.tip === null ? "–" : count(now.tip)} more=${now.floor ? `from ${count(now.floor)} on` : "from 0 on"} />
    <${Tile} name="Appended" figure=${`${WHOLE(last?.appended ?? null)}/s`} more=${`${bytesText(last?.appendedBytes ?? 0)}/s`} />
    <${Tile} name="Append p99" figure=${secondsText(last?.p99 ?? null)} more="of the last 15 s" />
    ${changes === "applied"
      ? html`<${Tile} name="Durable lag" figure=${secondsText(now.lagSeconds)} more=${amount(now.lagRecords ?? 0, "record")} />`
      : html`<${Tile} name="Behind the log" figure=${secondsText(now.readerLag)} more="at most" />`}
    <${Tile} name="Data files" figure=${bytesText(now.stored)} more=${onlyInWal ? "in the write-ahead log so far" : amount(now.segments ?? 0, "segment")} />
    <${Tile} name="Followers" figure=${count(now.followers ?? 0)} more=${amount(now.cursors ?? 0, "cursor")} />
    <${Tile} name="Memory" figure=${bytesText(now.memory)} more=${now.started ? `up ${secondsText(Date.now() / 1000 - now.started)}` : ""} />
  </dl>`;
}

/** The segments, asked for again when there are others; not those of a cluster, of which each partition has its own. */
function useSegments(now, isWhole) {
  const [state, setState] = useState({ segments: null, error: null });
  const asked = useRef("");
  const seen = now ? `${now.segments} ${now.activeSegment} ${now.floor}` : "";
  useEffect(() => {
    if (!isWhole || seen === "" || seen === asked.current) return;
    asked.current = seen;
    call("api/v1/log/segments", { token: token() }).then(
      (answer) => setState({ segments: answer.segments ?? [], error: null }),
      (error) => {
        asked.current = "";
        setState((before) => ({ ...before, error }));
      });
  }, [now, isWhole]);
  return state;
}

function State({ now, changes }) {
  if (now.fenced) return html`<span class="badge bad">fenced</span>`;
  if (now.writeFailure > 0) return html`<span class="badge bad">storage refuses writes for ${secondsText(now.writeFailure)}</span>`;
  const role = changes === "applied" ? "writes the log" : "read-only";
  return html`<span class=${`badge ${now.ready === 0 ? "bad" : "good"}`}>${now.ready === 0 ? "not ready" : "ready"}</span><span class="badge">${role}</span>`;
}

function Live() {
  const { access } = useSession();
  const { points, now, error } = useSamples();
  const [{ answer: map, error: mapError }] = useAnswer(cluster, [Math.floor((now?.at ?? 0) / MAP_SECONDS)]);
  const isWhole = map !== null && map.partitions.length <= 1;
  const { segments, error: segmentsError } = useSegments(now, isWhole);
  if (!now) return error ? html`<${Failed} error=${error} />` : html`<${Loading} what="Reading the metrics" />`;
  const charts = { points, seconds: SECONDS };
  return html`<div class="stack">
    <p class="states"><${State} now=${now} changes=${access.changes} /><span class="note">${error ? "" : `as of ${timeText(now.at * 1000, { seconds: 0 })}, every ${EVERY_MS / 1000} s`}</span></p>
    ${error && html`<${Failed} error=${error} />`}
    <${Tiles} now=${now} last=${points.at(-1)} changes=${access.changes} />
    <div class="charts">
      <${Chart} title="Records per second" series=${THROUGHPUT} format=${rough} ...${charts} />
      <${Chart} title="Latency" series=${LATENCY} format=${secondsText} ...${charts} />
      <${Chart} title="Durable lag" series=${LAG} format=${secondsText} ...${charts} />
      <${Chart} title="Queue" series=${QUEUE} format=${rough} ...${charts} />
    </div>
    ${mapError && html`<${Failed} error=${mapError} />`}
    ${map && !isWhole ? html`<${Cluster} cluster=${map} />` : html`<section class="card" aria-label="Segments"><h2>Segments</h2>
      ${segmentsError && html`<${Failed} error=${segmentsError} />`}
      ${segments ? html`<${Segments} segments=${segments} tip=${now.tip} />` : html`<${Loading} what="Reading the segments" />`}
    </section>`}
  </div>`;
}

export function Overview() {
  return html`<${Heading} title="Overview" /><${Needs} right="read" what="Reading metrics"><${Live} /><//>`;
}
