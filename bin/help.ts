/** What `--help` says. */
import { policyNames } from './command-line.js'

export const HELP = `Usage: fastify-load-balancer --to <url> [--to <url> ...] [options]

A reverse proxy and load balancer: each request goes to the best of the targets.

  --to <url>          a target: http://10.0.0.1:3000, https://..., unix:/path/to/socket, or host:port; once for each.
                      With settings behind a #: 10.0.0.1:3000#weight=2,tier=1,id=a (tier 1 is a backup)
  --listen <address>  3000 for this machine only (the default), :3000 for every interface, 10.0.0.9:3000 for one
  --policy <name>     ${policyNames.slice(0, 5).join(', ')},
                      ${policyNames.slice(5).join(', ')}. Default: least-requests
  --affinity          a client stays with its target, by a cookie; LB_SECRET is its secret, else it is a random one
  --health <path>     ask every target for this path every 5 seconds, and pass over those that do not answer 200 to 399
  --dashboard         show live figures at /lb/, to whoever is on this machine
  --ready <path>      answer 200 at this path, and 503 once SIGTERM has come, for a load balancer in front
  --shutdown-delay <duration>
                      after SIGTERM, serve for so long before the end, so that a load balancer can notice: 5s
  --log-level <name>  fatal, error, warn, info, debug, trace or silent, to stderr; info has every request. Default: warn
  --help, --version

Example: fastify-load-balancer --to localhost:4001 --to localhost:4002#weight=2 --listen :3000 --health /health

Exit codes: 0 stopped by SIGTERM or SIGINT, with the requests in flight answered; 1 it cannot run; 2 wrong options.
`
