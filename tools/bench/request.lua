-- What wrk sends, and how it tells of the answers.
-- BODY: a file to POST; without it, GET. HEADERS: a `name: value` on each line.
local body = os.getenv("BODY")
if body then
  local file = assert(io.open(body, "rb"))
  wrk.method, wrk.body = "POST", file:read("*all")
  file:close()
end
for name, value in (os.getenv("HEADERS") or ""):gmatch("([^:\n]+): ([^\n]+)") do
  wrk.headers[name] = value
end

-- One line of JSON; times in microseconds.
function done(summary, latency)
  local errors = summary.errors
  print(string.format('{"requests": %d, "micros": %d, "refused": %d, "broken": %d, "p50": %d, "p99": %d, "p999": %d}',
    summary.requests, summary.duration, errors.status, errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50), latency:percentile(99), latency:percentile(99.9)))
end
