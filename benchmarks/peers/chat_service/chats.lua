-- Chats of about 1 KB, each with an id of its own.
-- For wrk with one thread: wrk -t1 -c64 -d20s --latency -s chats.lua http://127.0.0.1:PORT
local thread_of_wrk
local sent = 0
refused = 0

local template = '{"source":"gpt4all-chat","agent_id":"ggml-model-q4.bin",'
  .. '"submitter_id":"c0ffee00-0000-4000-8000-%012d","ingest_id":"chat-%08d",'
  .. '"prompt_template":"### Human: %%1 ### Assistant: ","conversation":['
  .. '{"content":"Please explain in plain words how question number %d is answered. '
  .. string.rep("q", 180) .. '","role":"user"},'
  .. '{"content":"' .. string.rep("a", 480) .. '","role":"assistant","rating":"positive","stopped":"true"}]}'

function setup(thread)
  thread_of_wrk = thread
end

function request()
  sent = sent + 1
  local body = string.format(template, sent % 1000, sent, sent)
  return wrk.format("POST", "/v1/ingest/chat", {["Content-Type"] = "application/json"}, body)
end

function response(status)
  if status ~= 200 then
    refused = refused + 1
  end
end

function done(summary, latency)
  io.write(string.format(
    '{"requests":%d,"refused":%d,"seconds":%.3f,"p50_ms":%.3f,"p99_ms":%.3f,"errors":%d}\n',
    summary.requests, thread_of_wrk:get("refused"), summary.duration / 1e6,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
