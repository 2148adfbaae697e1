-- What wrk sends, and how it tells of the answers.
-- BODY: a file to POST. BODIES: files to POST in turn, one on each line. Without them, GET. HEADERS: a `name: value` on each line.
local body = os.getenv("BODY")
if body then
  local file = assert(io.open(body, "rb"))
  wrk.method, wrk.body = "POST", file:read("*all")
  file:close()
end
for name, value in (os.getenv("HEADERS") or ""):gmatch("([^:\n]+): ([^\n]+)") do
  wrk.headers[name] = value
end

local bodies = os.getenv("BODIES")
if bodies then
  local requests, at = {}, 0
  function init()
    for path in bodies:gmatch("[^\n]+") do
      local file = assert(io.open(path, "rb"))
      requests[#requests + 1] = wrk.format("POST", nil, nil, file:read("*all"))
      file:close()
    end
  end
  function request()
    at = at % #requests + 1
    return requests[at]
  end
end

-- One line of JSON; times in microseconds.
function done(summary, latency)
  local errors = summary.errors
  print(string.format('{"requests": %d, "micros": %d, "refused": %d, "broken": %d, "p50": %d, "p99": %d, "p999": %d}',
    summary.requests, summary.duration, errors.status, errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50), latency:percentile(99), latency:percentile(99.9)))
end
