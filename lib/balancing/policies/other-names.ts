/** What other balancers call their policies, for the message to whoever writes such a name here. */

const LEAST = "'least-requests'"
const ROUND = "'round-robin', with the weights of the targets"
const ADAPTIVE = "'adaptive'"
const TWO = "'power-of-two'"
const HASH = "{ name: 'hash', key }"
const BY_IP = "{ name: 'hash', key: 'ip' }"
const BY_PATH = "{ name: 'hash', key: 'path' }"
const BY_HEADER = "{ name: 'hash', key: { header } }"
const STICKY = 'the option affinity: { cookie }'
const FIRST = "'first', or targets with tier: 1"

/**
 * By name in lower case, without what stands between its words: nginx, HAProxy, Envoy, Caddy, Traefik, YARP, linkerd, cloud balancers, and names of
 * the literature.
 */
const MEANT: Readonly<Record<string, string>> = {
  leastconn: LEAST,
  leastconnection: LEAST,
  leastconnections: LEAST,
  leastrequest: LEAST,
  leastoutstandingrequests: LEAST,
  leastload: LEAST,
  leastloaded: LEAST,
  jsq: LEAST,
  leastbusy: LEAST,
  rr: ROUND,
  wrr: ROUND,
  staticrr: ROUND,
  weighted: ROUND,
  weightedroundrobin: ROUND,
  smoothweightedroundrobin: ROUND,
  leasttime: ADAPTIVE,
  leastlatency: ADAPTIVE,
  leastresponsetime: ADAPTIVE,
  ewma: ADAPTIVE,
  peakewma: ADAPTIVE,
  latency: ADAPTIVE,
  fastest: ADAPTIVE,
  p2c: TWO,
  poweroftwochoices: TWO,
  twochoices: TWO,
  randomtwo: TWO,
  randomtwoleastconn: TWO,
  randomchoose: TWO,
  weightedrandom: "'random', which goes by the weights of the targets",
  consistent: HASH,
  consistenthash: HASH,
  consistenthashing: HASH,
  chash: HASH,
  ringhash: HASH,
  ketama: "{ name: 'hash', method: 'ketama' }",
  maglev: "{ name: 'hash', method: 'maglev' }",
  rendezvous: "{ name: 'hash', method: 'rendezvous' }",
  hrw: "{ name: 'hash', method: 'rendezvous' }",
  iphash: BY_IP,
  clientiphash: BY_IP,
  source: BY_IP,
  sourceip: BY_IP,
  sourcehash: BY_IP,
  uri: BY_PATH,
  urihash: BY_PATH,
  urlhash: BY_PATH,
  hdr: BY_HEADER,
  header: BY_HEADER,
  sticky: STICKY,
  stickysession: STICKY,
  stickysessions: STICKY,
  stickycookie: STICKY,
  affinity: STICKY,
  cookie: STICKY,
  backup: FIRST,
  failover: FIRST,
  priority: FIRST,
  firstalphabetical: FIRST
}

/** What is called `name` elsewhere, as it is written here; undefined for what nobody calls so. `names`: those that there are. */
export function meantBy (name: string, names: readonly string[]): string | undefined {
  const plain = normalised(name)
  const own = names.find(known => normalised(known) === plain)
  if (own !== undefined) return `'${own}'`
  return Object.hasOwn(MEANT, plain) ? MEANT[plain] : undefined
}

function normalised (name: string): string {
  return name.toLowerCase().replace(/[^a-z\d]/g, '')
}
