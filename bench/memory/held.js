/** What is held for a target, for a request in flight, and for a connection of a client: bytes, and those beyond what Node and undici hold. */
import { setTimeout as delay } from 'node:timers/promises'
import { Child } from '../child.js'
import { table } from '../report.js'
import { warmUp } from '../rounds.js'
import { progress } from '../session.js'
import { spread } from '../stats.js'

const MANY = 1_000
const WARM_UP = { workload: 'get100b', connections: 32, requests: 8_000, seconds: 8 }
/** Milliseconds. */
const PATIENCE = 15_000
/** Milliseconds after which connections to targets that nobody uses are closed: 4 s, by undici's clock of 1 s. */
const TARGETS_IDLE = 6_000

export const perTarget = {
  /** Two processes each, one with 1,000 targets and one with 2,000: as they are added, and when each has had a request and its connection is closed again. */
  async measure ({ load, targets, origins }, { repeats, cores }) {
    const fresh = await each(['ours', 'floor'], 'bytes a target', repeats, name => slope(count => inGateway(name, origins.slice(0, count), cores, ({ gateway }) => gateway.call('held'))))
    const asked = await each(['ours', 'floor'], 'bytes a target that had a request', repeats, name => slope(count =>
      inGateway(name, origins.slice(0, count), cores, async ({ gateway, port }) => {
        await load.call('gather', { port, workload: 'held', connections: count, seconds: 60 })
        // As many requests at the same time as there are targets: one each.
        await holdAll(load, targets, count, () => {})
        await load.call('dismiss')
        await delay(TARGETS_IDLE)
        return gateway.call('held')
      })))
    return [...fresh, ...asked.map(({ name, values }) => ({ name: `${name}, after a request each`, values }))]
  },

  markdown: result => compared(result,
    `Bytes a target, of 1,000 more (floor: a Pool of undici's; ${beyond(result, 'ours, after a request each', 'floor, after a request each')} beyond, once it has had a request):`)
}

async function slope (heldWith) {
  return (await heldWith(2 * MANY) - await heldWith(MANY)) / MANY
}

export const requestsInFlight = {
  /** While 1,000 requests are held by a target, and after they were answered: the connections are there both times. */
  measure: ({ load, targets, origins }, { repeats, cores }) => each(['ours', 'floor'], 'bytes a request in flight', repeats, name =>
    inGateway(name, origins.slice(0, 2), cores, async ({ gateway, port }) => {
      await warmUp(load, { port }, WARM_UP)
      await load.call('gather', { port, workload: 'held', connections: MANY, seconds: 60 })
      let bytes
      // The first time connections to the targets are opened, and code runs that has not run before.
      for (let time = 0; time < 3; time++) {
        const during = await holdAll(load, targets, MANY, () => gateway.call('held'))
        bytes = (during - await gateway.call('held')) / MANY
      }
      await load.call('dismiss')
      return bytes
    })),

  markdown: result => compared(result, `Bytes a request in flight, of 1,000 (${beyond(result, 'ours', 'floor')} beyond the floor):`)
}

export const idleConnections = {
  /** With 1,000 clients that have made a request each, one after the other, and without. */
  measure: ({ load, origins }, { repeats, cores }) => each(['ours', 'fastify-http-proxy', 'floor', 'plain'], 'bytes an idle connection of a client', repeats, name =>
    inGateway(name, origins.slice(0, 2), cores, async ({ gateway, port }) => {
      await warmUp(load, { port }, WARM_UP)
      const without = await gateway.call('held')
      await load.call('gather', { port, workload: 'get100b', connections: MANY, atOnce: 1, seconds: 60 })
      const bytes = (await gateway.call('held') - without) / MANY
      await load.call('dismiss')
      return bytes
    })),

  markdown: result => compared(result, `Bytes an idle connection of a client, of 1,000 (plain: a server of node:http that answers by itself; ${beyond(result, 'ours', 'plain')} beyond):`)
}

/** Has every client send a request that is not answered until `look` is done. */
async function holdAll (load, targets, count, look) {
  await targets.call('hold')
  await load.call('begin')
  for (const start = performance.now(); await targets.call('held') < count; await delay(10)) {
    if (performance.now() - start > PATIENCE) throw new Error(`${count} requests do not all get to the targets`)
  }
  const seen = await look()
  await targets.call('release')
  await load.call('finish')
  return seen
}

async function inGateway (name, origins, cores, look) {
  const gateway = new Child('memory/gateway.js', [name], { core: cores.proxy, flags: ['--expose-gc'] })
  const { port } = await gateway.call('start', { origins })
  const result = await look({ gateway, port })
  await gateway.end()
  return result
}

/** Figures of several new processes of each. */
async function each (names, label, repeats, measure) {
  const results = []
  for (const name of names) {
    const values = []
    for (let i = 0; i < repeats; i++) {
      progress(`${label}: ${name}, ${i + 1} of ${repeats}`)
      values.push(await measure(name))
    }
    results.push({ name, values })
  }
  return results
}

function compared (results, title) {
  return [
    title,
    '',
    table(['proxy', 'bytes', 'least', 'most'], results.map(({ name, values }) => [name, ...[spread(values).median, Math.min(...values), Math.max(...values)].map(whole)]))
  ].join('\n')
}

function beyond (results, subject, reference) {
  const of = wanted => spread(results.find(({ name }) => name === wanted).values).median
  return whole(of(subject) - of(reference))
}

function whole (bytes) {
  return Math.round(bytes).toLocaleString('en')
}
