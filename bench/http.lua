-- What wrk sends: POSTs of one function (HTTP_CALL), each by another one of the agents, and with a new key.
local tokens, number = {}, 0
local path, prefix = "/rpc/" .. os.getenv("HTTP_CALL"), os.getenv("HTTP_KEY")
local profile = os.getenv("HTTP_CALL") == "trivial" and "bench_api" or "ledger_agents_api"

function init()
	for line in io.lines(os.getenv("HTTP_TOKENS")) do
		if line:match("^at_") then
			tokens[#tokens + 1] = line
		end
	end
end

function request()
	number = number + 1
	return wrk.format("POST", path, {
		["Host"] = "127.0.0.1",
		["Api-Key"] = tokens[number % #tokens + 1],
		["Content-Profile"] = profile,
		["Content-Type"] = "application/json",
		["Idempotency-Key"] = prefix .. "-" .. number,
	}, '{"amount": ' .. number % 1000 + 1 .. ', "merchant": "Paper & Co"}')
end

function done(summary, latency, requests)
	local errors = summary.errors

	print(string.format("result %.1f %d %d", summary.requests * 1000000 / summary.duration, summary.requests,
		errors.connect + errors.read + errors.write + errors.timeout + errors.status))
end
