// The text format of Prometheus, as far as the server writes it.

const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;

/** Every sample by its name: `{ labels, value }`. */
export function samplesOf(text) {
  const byName = new Map();
  for (const line of text.split("\n")) {
    if (line === "" || line[0] === "#") continue;
    const match = SAMPLE.exec(line);
    if (!match) continue;
    const labels = {};
    for (const [, name, value] of (match[2] ?? "").matchAll(LABEL)) labels[name] = value;
    const value = match[3] === "+Inf" ? Infinity : Number(match[3]);
    const samples = byName.get(match[1]);
    if (samples) samples.push({ labels, value });
    else byName.set(match[1], [{ labels, value }]);
  }
  return byName;
}

/** The sum of a metric over all labels that fit, or null if the server has none of it. */
export function sum(samples, name, labels = {}) {
  const fitting = (samples.get(name) ?? []).filter((sample) => Object.entries(labels).every(([label, value]) => sample.labels[label] === value));
  return fitting.length ? fitting.reduce((total, sample) => total + sample.value, 0) : null;
}

/** The buckets of a histogram: pairs of an upper bound and how many were at most that. */
export function buckets(samples, name, labels) {
  const counts = new Map();
  for (const sample of samples.get(`${name}_bucket`) ?? []) {
    if (!Object.entries(labels).every(([label, value]) => sample.labels[label] === value)) continue;
    const bound = sample.labels.le === "+Inf" ? Infinity : Number(sample.labels.le);
    counts.set(bound, (counts.get(bound) ?? 0) + sample.value);
  }
  return [...counts].sort(([one], [other]) => one - other);
}
