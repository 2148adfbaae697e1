// Checks the modules of the console that need no page, on random input: `node console_modules.mjs FOLDER SEED`. FOLDER is where they are.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { pathToFileURL } from "node:url";

const [, , folder, seed] = process.argv;
const load = (name) => import(pathToFileURL(`${folder}/${name}`).href);
const { ApiError, inWords } = await load("api.js");
const { fromBase64, hexLines, looseText, named, bytesNamed, textOf, toBase64, utf8 } = await load("bytes.js");
const { indented, parsed } = await load("json.js");
const { buckets, samplesOf, sum } = await load("metrics.js");
const { between, quantile, rate } = await load("rates.js");
const { SEQUENCE, sequenceIn } = await load("sequences.js");
const { Events } = await load("sse.js");
const { bodyOf, commandLine, curl, quoted } = await load("snippets.js");

let state = Number(seed);
/** A whole number below `limit`: mulberry32. */
function random(limit) {
  state = (state + 0x6d2b79f5) | 0;
  let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
  return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
}
const ALPHABET = ["a", "Z", "0", " ", "'", '"', "\\", "\n", "\t", "$", "`", "!", "{", "}", "[", ":", ",", "ü", "漢", "😀", "\u202e", "<", "&", "-", "="];
const text = (most) => Array.from({ length: random(most) }, () => ALPHABET[random(ALPHABET.length)]).join("");
const bytes = (most) => Uint8Array.from({ length: random(most) }, () => random(256));
const times = (count, check) => Array.from({ length: count }, (_, at) => check(at));

function value(depth) {
  const kind = random(depth > 0 ? 7 : 5);
  if (kind === 5) return Array.from({ length: random(4) }, () => value(depth - 1));
  if (kind === 6) return Object.fromEntries(Array.from({ length: random(4) }, () => [text(6), value(depth - 1)]));
  return [null, true, text(12), random(1e6), -random(1e6) / 7][kind];
}

const CHECKS = {
  "bytes are the same after base64, and after parameters of a link": () => times(300, () => {
    const some = bytes(60);
    assert.deepEqual(fromBase64(toBase64(some)), some);
    assert.deepEqual(bytesNamed("key", named("key", some)), some);
    assert.equal(textOf(some) === null, "key_base64" in named("key", some));
    if (textOf(some) !== null) assert.equal(looseText(some), textOf(some));
  }),
  "a hex dump has every byte once": () => times(100, () => {
    const some = bytes(100);
    const shown = hexLines(some, 0, some.length).flatMap((line) => line.slice(10, 58).trim().split(/\s+/)).filter(Boolean);
    assert.deepEqual(shown, Array.from(some, (byte) => byte.toString(16).padStart(2, "0")));
  }),
  "indented JSON has the same value and the same tokens": () => times(300, () => {
    const some = value(4);
    const written = JSON.stringify(some, null, random(3));
    const shown = indented(written);
    assert.deepEqual(JSON.parse(shown), JSON.parse(written));
    assert.equal(shown, JSON.stringify(JSON.parse(written), null, 2));
  }),
  "numbers are shown as they are written": () => {
    assert.equal(indented('{"a":1.50,"b":12345678901234567890,"a":1e400}'), '{\n  "a": 1.50,\n  "b": 12345678901234567890,\n  "a": 1e400\n}');
    assert.equal(indented("[1,]"), null);
  },
  "sequences beyond what a number holds are exact": () => {
    const answer = parsed('{"nextSequence":72057594037927935,"values":[{"sequence":9007199254740993}],"limit":10}');
    // Engines without the source of a number round it.
    const exact = JSON.parse("1", (_name, _value, context) => Boolean(context?.source));
    if (exact) assert.deepEqual(answer, { nextSequence: "72057594037927935", values: [{ sequence: "9007199254740993" }], limit: 10 });
  },
  "sequences can be entered as they are shown": () => {
    for (const entered of ["1003", "1,003", "1 003", "1\u202f003", " 1003 ", "1, 003"]) {
      assert.equal(sequenceIn(entered), "1003", entered);
      assert.ok(new RegExp(`^(?:${SEQUENCE})$`, "v").test(entered), entered);
    }
    times(100, () => {
      const some = random(2 ** 32) * (1 + random(2 ** 20));
      assert.equal(sequenceIn(some.toLocaleString("en-US")), String(some));
    });
    for (const wrong of ["", " ", ",", "1.003", "-1", "1e3", "1,,003", ",1", "1,", "0x1", "1;003"]) assert.equal(sequenceIn(wrong), null, wrong);
  },
  "only errors of changes speak of changes": () => {
    for (const code of ["overloaded", "unavailable", "not_writer", "conflict", "too_large", "invalid_argument", "deadline_exceeded", "late"]) {
      const meaning = (change) => inWords(new ApiError(503, code, "", { change })).meaning;
      assert.match(meaning(true), /Nothing was applied\.$|It may have been applied: look before you repeat it\.$/, code);
      assert.doesNotMatch(meaning(false), /appl/, code);
    }
  },
  "events are the same however their text was cut": () => times(60, () => {
    const sent = Array.from({ length: 1 + random(5) }, (_, at) => ({ id: String(at), data: JSON.stringify({ value: text(30) }) }));
    const whole = `:\n\n${sent.map(({ id, data }) => `id: ${id}\ndata: ${data}\n\n`).join(":\n\n")}event: trimmed\ndata: {}\n\nid: 9\ndata: not whole`;
    const events = new Events();
    const got = [];
    for (let at = 0; at < whole.length;) {
      const end = at + 1 + random(20);
      got.push(...events.of(whole.slice(at, end)));
      at = end;
    }
    assert.deepEqual(got, [...sent.map(({ id, data }) => ({ type: "message", id, data })), { type: "trimmed", data: "{}" }]);
  }),
  "metrics are read with their labels": () => {
    const samples = samplesOf('# HELP a b\na_total{x="1",y="a \\"b\\""} 3\na_total{x="2"} 4\nb_bucket{le="0.5"} 1\nb_bucket{le="+Inf"} 2\nc 1.5e3\n');
    assert.equal(sum(samples, "a_total"), 7);
    assert.equal(sum(samples, "a_total", { x: "2" }), 4);
    assert.equal(sum(samples, "none"), null);
    assert.equal(sum(samples, "c"), 1500);
    assert.deepEqual(buckets(samples, "b", {}), [[0.5, 1], [Infinity, 2]]);
  },
  "a quantile lies in the bucket of its observation": () => times(200, () => {
    const bounds = [0.001, 0.01, 0.1, 1, Infinity];
    const before = bounds.map((bound, at) => [bound, at]);
    const seen = Array.from({ length: 1 + random(40) }, () => bounds[random(4)]);
    const now = before.map(([bound, count]) => [bound, count + seen.filter((value) => value <= bound).length]);
    const share = (1 + random(99)) / 100;
    const wanted = seen.sort((one, other) => one - other)[Math.max(0, Math.ceil(share * seen.length) - 1)];
    const found = quantile(between(before, now), share);
    assert.ok(found <= wanted + 1e-9 && found >= (bounds[bounds.indexOf(wanted) - 1] ?? 0), `${found} ${wanted} ${share}`);
    assert.equal(quantile(between(now, now), share), null);
    assert.equal(rate(5, 3, 2), null);
    assert.equal(rate(3, 5, 2), 1);
  }),
  "a shell has the words that were quoted": () => {
    const words = Array.from({ length: 120 }, () => text(20));
    const said = execFileSync("bash", ["-c", `printf '%s\\0' ${words.map(quoted).join(" ")}`]).toString();
    assert.deepEqual(said.split("\0").slice(0, -1), words);
  },
  "commands have the key, the value and the headers": () => times(40, () => {
    const append = { key: random(4) ? utf8(`k${text(10)}`) : Uint8Array.of(0, 255, ...bytes(9)), value: random(2) ? utf8(text(20)) : bytes(20), headers: [{ name: `${random(2) ? "h" : "-"}${text(5).replaceAll("=", "")}`, value: text(5) }], durable: Boolean(random(2)), unchangedSince: random(2) ? random(99) : null };
    const shown = execFileSync("bash", ["-c", `curl() { printf '%s\\0' "$@"; }; ${curl(append, false)}`]).toString().split("\0");
    assert.deepEqual(JSON.parse(shown.at(-2)), bodyOf(append));
    const command = execFileSync("bash", ["-c", `opendata-log() { printf '%s\\0' "$@"; test -t 0 || cat; }; ${commandLine(append, false)}`], { input: "" });
    const [values] = [command.toString("latin1").split("\0")];
    const key = textOf(append.key) === null ? Buffer.from(toBase64(append.key)) : Buffer.from(append.key);
    assert.ok(values.includes(key.toString("latin1")), values);
    const [{ name, value: of }] = append.headers;
    const header = Buffer.from(`${name}=${of}`).toString("latin1");
    assert.ok(values.includes(header) || values.includes(`--header=${header}`), values);
    const piped = textOf(append.value)?.includes("\0") ?? true;
    const given = command.subarray(command.length - append.value.length - (piped ? 0 : 1));
    assert.deepEqual(new Uint8Array(given.subarray(0, append.value.length)), append.value);
  }),
};

for (const [what, check] of Object.entries(CHECKS)) {
  try {
    check();
  } catch (error) {
    error.message = `${what} (seed ${seed}): ${error.message}`;
    throw error;
  }
}
console.log(Object.keys(CHECKS).length);
