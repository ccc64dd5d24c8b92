-- For wrk: the bodies of the file $PEERS_BODIES, each ended by a NUL, one after the other and round again.
local file = assert(io.open(os.getenv("PEERS_BODIES"), "rb"))
local requests = {}
local headers = { ["Authorization"] = "apikey bench-token", ["Content-Type"] = "application/json" }

function init()
  for body in file:read("*a"):gmatch("([^%z]+)%z") do
    requests[#requests + 1] = wrk.format("POST", nil, headers, body)
  end
end

local at = 0
function request()
  at = at % #requests + 1
  return requests[at]
end
