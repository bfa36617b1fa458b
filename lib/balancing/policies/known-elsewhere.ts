/** What others call the policies, and things that others make policies and we do not: for whoever gets a name wrong. */

const LEAST_REQUESTS = "'least-requests' (requests are counted, since connections are shared)"
const ROUND_ROBIN = "'round-robin', which goes by the targets' weights"
const ADAPTIVE = "'adaptive'"
const POWER_OF_TWO = "'power-of-two'"
const FIRST = "'first'; or give the targets that wait a `tier` of 1, with any policy"
const BY_IP = "{ name: 'hash', key: 'ip' }"
const BY_URL = "{ name: 'hash', key: 'url' }"
const KETAMA = "{ name: 'hash', method: 'ketama' }, which places keys as nginx's `hash … consistent` does"
const STICKY = "no policy but the upstream's option `affinity`, as { cookie: {} } or { session: { cookie: 'sid' } }, with any policy"

/** By name, in lower case and with dashes. */
const ours: Record<string, string> = {
  // nginx, HAProxy, Caddy, Envoy, Traefik, YARP
  'least-conn': LEAST_REQUESTS,
  leastconn: LEAST_REQUESTS,
  'least-connection': LEAST_REQUESTS,
  'least-connections': LEAST_REQUESTS,
  'least-request': LEAST_REQUESTS,
  leastrequests: LEAST_REQUESTS,
  'least-outstanding-requests': LEAST_REQUESTS,
  'least-loaded': LEAST_REQUESTS,
  jsq: LEAST_REQUESTS,
  rr: ROUND_ROBIN,
  wrr: ROUND_ROBIN,
  roundrobin: ROUND_ROBIN,
  'static-rr': ROUND_ROBIN,
  'weighted-round-robin': ROUND_ROBIN,
  'smooth-weighted-round-robin': ROUND_ROBIN,
  weighted: ROUND_ROBIN,
  'weighted-random': "'random', which goes by the targets' weights",
  p2c: POWER_OF_TWO,
  'power-of-two-choices': POWER_OF_TWO,
  poweroftwochoices: POWER_OF_TWO,
  'random-choose': POWER_OF_TWO,
  'random-two': POWER_OF_TWO,
  'random-two-least-conn': POWER_OF_TWO,
  ewma: ADAPTIVE,
  'peak-ewma': ADAPTIVE,
  'least-time': ADAPTIVE,
  'least-latency': ADAPTIVE,
  'least-response-time': ADAPTIVE,
  latency: ADAPTIVE,
  fastest: ADAPTIVE,
  ip: BY_IP,
  'ip-hash': BY_IP,
  source: BY_IP,
  'source-hash': BY_IP,
  'client-ip-hash': BY_IP,
  uri: BY_URL,
  url: BY_URL,
  'uri-hash': BY_URL,
  'url-hash': BY_URL,
  header: "{ name: 'hash', key: { header: 'x-user' } }",
  query: "{ name: 'hash', key: { query: 'user' } }",
  ketama: KETAMA,
  'ring-hash': KETAMA,
  consistent: KETAMA,
  'consistent-hash': KETAMA,
  'consistent-hashing': KETAMA,
  maglev: "{ name: 'hash', method: 'maglev' }",
  rendezvous: "{ name: 'hash', method: 'rendezvous' }",
  hrw: "{ name: 'hash', method: 'rendezvous' }",
  backup: FIRST,
  failover: FIRST,
  priority: FIRST,
  firstalphabetical: FIRST,
  sticky: STICKY,
  cookie: STICKY,
  'sticky-cookie': STICKY,
  'sticky-session': STICKY,
  'sticky-sessions': STICKY,
  affinity: STICKY,
  session: STICKY
}

/** What to write for a policy that is called `name` elsewhere; undefined for names that nobody uses. */
export function oursFor (name: unknown): string | undefined {
  const key = String(name).toLowerCase().replace(/[_\s]+/g, '-')
  return Object.hasOwn(ours, key) ? ours[key] : undefined
}
