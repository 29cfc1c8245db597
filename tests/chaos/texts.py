"""The files of the field: who can be called, and how the dialer is set up to call them."""

from __future__ import annotations

POPULATION = """\
seed = {seed}
[[callees]]
name = "presses 1"
share = 22
does = "press_key"
key = "1"
ring_s = [0.2, 0.8]
after_s = [0.5, 2.0]
[[callees]]
name = "listens"
share = 18
does = "listen"
ring_s = [0.2, 0.8]
[[callees]]
name = "opts out"
share = 12
does = "press_key"
key = "9"
ring_s = [0.2, 0.8]
after_s = [0.5, 2.0]
[[callees]]
name = "opts out by INFO"
share = 4
does = "press_key"
key = "9"
via_info = true
ring_s = [0.2, 0.8]
after_s = [0.5, 2.0]
[[callees]]
name = "hangs up"
share = 8
does = "hang_up"
ring_s = [0.2, 0.8]
after_s = [0.3, 2.0]
[[callees]]
name = "says nothing"
share = 4
does = "silent"
ring_s = [0.2, 0.8]
[[callees]]
name = "voicemail"
share = 3
does = "voicemail"
ring_s = [0.5, 1.0]
[[callees]]
name = "re-invites"
share = 4
does = "reinvite"
ring_s = [0.2, 0.8]
after_s = [0.3, 1.0]
[[callees]]
name = "early media"
share = 4
does = "early_media"
ring_s = [0.2, 0.8]
[[callees]]
name = "never answers"
share = {never}
does = "no_answer"
[[callees]]
name = "busy"
share = 8
does = "refuse"
code = "486"
[[callees]]
name = "declines"
share = 3
does = "refuse"
code = "603"
[[callees]]
name = "blocked"
share = 2
does = "refuse"
code = "603+"
[[callees]]
name = "unwanted"
share = 2
does = "refuse"
code = "607"
[[callees]]
name = "not in service"
share = 4
does = "refuse"
code = "404"
"""

SETTINGS = """\
[sip]
bind = "{bind}"
max_calls = 400
rtp_port = {rtp}
rtp_ports = 3000
session_timer_s = {timer}
[engine]
agents = {agents}
drain_s = 30
"""

TRUNK = """\
[sim]
host = {host}
port = {port}
caller_ids = +13055550100 | owned | the test's own, on loopback only
cps = {cps}
channels = 300
options_seconds = 2
transport = {transport}
"""

CAMPAIGN = """\
[campaign]
name = "Chaos"
purpose = "health"
caller_id = "+13055550100"
[seller]
name = "Sunrise Clinic LLC"
callback = "+13055550100"
[message]
sound = "message.wav"
accepted = "short.wav"
opted_out = "short.wav"
voice = "human"
opt_out_number = "+18005550100"
parts = [
    {{ says = "seller_name", from_s = 0, to_s = 0.8 }},
    {{ says = "opt_out", from_s = 0.8, to_s = 1.6 }},
    {{ says = "callback", from_s = 1.6, to_s = 2.4 }},
]
key_wait_s = {key_wait}
[keys]
1 = "accept"
9 = "opt_out"
[machines]
policy = "hang_up"
[pacing]
cps = {cps}
channels = 250
[attempts]
max = {attempts}
gap_minutes = {gap}
retry_minutes = {{ busy = 1, no_answer = 1, canceled = 1, congestion = 1, failed = 1, trunk_failure = 1 }}
[limits]
ring_timeout_s = 15
max_duration_s = 30
{hours}
"""
