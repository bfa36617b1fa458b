/** How things are compared: in short rounds that take turns, so that what else the machine does hits all of them alike. */

/** Seconds that clients may take to connect. */
const GATHERING = 30

/**
 * Measures every entry once a round, in alternating order: whatever slows the machine down bit by bit hits those in front as often as those behind.
 * Resolves to the entries' measurements, in the order of the rounds.
 * @param measure called with an entry and the round, from 0
 */
export async function takeTurns (entries, rounds, measure) {
  const results = new Map(entries.map(entry => [entry, []]))
  for (let round = 0; round < rounds; round++) {
    for (const entry of round % 2 === 0 ? entries : [...entries].reverse()) results.get(entry).push(await measure(entry, round))
  }
  return entries.map(entry => results.get(entry))
}

/**
 * Until the code that runs for a request is compiled, which is a matter of requests rather than of time: so many of them, or so many seconds when that is shorter.
 */
export async function warmUp (load, proxy, { workload, connections, keepAlive, requests, seconds }) {
  await load.call('gather', { port: proxy.port, workload, connections, keepAlive, seconds: GATHERING })
  await load.call('drive', { requests, seconds })
  await load.call('dismiss')
}

/**
 * One measurement of one proxy: CPU of its processes per request and requests a second in a closed loop; with a `rate`, also how long requests take when so many
 * a second are offered.
 */
export async function measureOnce (load, proxy, { workload, connections, keepAlive, seconds, rate, seed }) {
  await load.call('gather', { port: proxy.port, workload, connections, keepAlive, seconds: GATHERING })
  const before = proxy.cpu()
  const driven = await load.call('drive', { seconds })
  const cpuUs = (proxy.cpu() - before) / driven.requests
  const offered = rate === undefined ? {} : { rate, ...await load.call('offer', { rate, seconds, seed }) }
  await load.call('dismiss')
  return { ...driven, cpuUs, perSecond: driven.requests / driven.seconds, ...offered }
}
