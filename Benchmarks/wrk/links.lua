-- This source file is part of the swift-lock-pool open source project.
-- Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
-- SPDX-License-Identifier: Apache-2.0

-- Requests for the link service: wrk … -s links.lua URL -- resolve | create | list
-- Prints one line: requests, microseconds, p99 in microseconds, failed sockets, responses that are not 2xx or 3xx.

local requests = {}

function init(arguments)
    local endpoint = arguments[1]
    math.randomseed(os.time())
    if endpoint == "resolve" then
        -- Built once, because wrk shares the processors with the service.
        for number = 0, 9999 do
            requests[number + 1] = wrk.format("GET", string.format("/links/code%05d", number))
        end
    elseif endpoint == "create" then
        local headers = { ["Content-Type"] = "application/json" }
        for number = 1, 1000 do
            local body = string.format('{"url":"https://example.com/articles/%d"}', math.random(1000000))
            requests[number] = wrk.format("POST", "/links", headers, body)
        end
    elseif endpoint == "list" then
        requests[1] = wrk.format("GET", "/links")
    else
        error("resolve, create or list?")
    end
end

function request()
    return requests[math.random(#requests)]
end

function done(summary, latency)
    local errors = summary.errors
    io.write(string.format(
        "lockpool %d %d %d %d %d\n",
        summary.requests,
        summary.duration,
        latency:percentile(99),
        errors.connect + errors.read + errors.write + errors.timeout,
        errors.status
    ))
end
