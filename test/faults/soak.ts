/**
 * `npm run soak`: mixed traffic for a long time, with faults that come and go. Now and then everything is let come to rest, and what is held is
 * measured: heap after garbage collection, sockets, timers, requests in flight. It must not grow.
 *
 *     --minutes 60   (default 1)
 *     --seed 7       other chances (default 1)
 */
import { parseArgs } from 'node:util'
import { pause, type Shot } from './harness/clients.js'
import { Stage } from './harness/stage.js'
import type { Behaviour, FaultTarget } from './harness/targets.js'
import { badVisits, visit } from './harness/visits.js'
import { get, post } from './scenarios/scenario.js'
import { slopeOf, type Slope } from './slope.js'

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '1' }, seed: { type: 'string', default: '1' } } })
const minutes = Number(values.minutes)
let state = Number(values.seed)

/** Lehmer's generator: good enough for choosing, and the same in every run. */
function random (): number {
  state = state * 48_271 % 2_147_483_647
  return state / 2_147_483_647
}

function oneOf<T> (list: readonly T[]): T {
  return list[Math.floor(random() * list.length)]!
}

const collect = (globalThis as { gc?: () => void }).gc
if (collect === undefined) throw new Error('run with --expose-gc')

const moods: Behaviour[] = [
  {}, { latency: [1, 5] }, { latency: [20, 60] }, { kinds: { 'fail-fast': 0.5 } }, { kinds: { hang: 0.3 } }, { kinds: { garbage: 0.2, reset: 0.3 } },
  { kinds: { 'accept-and-close': 0.5, 'reset-in-headers': 0.3 } }, { kinds: { 'reset-in-body': 0.2, 'end-in-body': 0.2, 'stall-in-body': 0.1 } },
  { kinds: { 'length-too-long': 0.2, 'length-too-short': 0.2, trickle: 0.05 } }, { kinds: { 'reset-in-upload': 0.5 } }, { idle: { ms: 20, spread: 20 } }
]

interface Sample { heap: number, sockets: number, timers: number, inFlight: number, queued: number }

/** What may be added in the whole run without being called growth. */
const slack: Record<keyof Sample, (first: number) => number> = {
  heap: first => Math.max(1, 0.03 * first), sockets: () => 4, timers: () => 4, inFlight: () => 0, queued: () => 0
}

const upstream = {
  timeouts: { attempt: 400, body: 300, total: 2_000, connect: 500 },
  limits: { maxRequests: 24, queue: { size: 40, timeout: 500 } },
  health: { active: { path: '/', interval: 500, timeout: 300 }, passive: { ejectionTime: 200 } },
  retry: { hedge: { after: 'p95' as const } },
  affinity: { session: { header: 'x-fault-id' }, max: 500 },
  pool: { keepAliveTimeout: 300 }
}

await Stage.with({ upstream, connections: 48, ledger: false, seed: Number(values.seed) }, async stage => {
  const port = Number(new URL(stage.url).port)
  const end = performance.now() + minutes * 60_000
  const interval = Math.max(2_500, Math.min(30_000, minutes * 60_000 / 20))
  const statuses: Record<number, number> = {}
  const samples: Sample[] = []
  let sent = 0

  const shot = (n: number): Shot => n % 3 === 0 ? post('s')(n) : { ...get('s')(n), size: n % 40 === 0 ? 300_000 : 500 }
  const client = async (until: number): Promise<void> => {
    while (performance.now() < until) {
      const { status } = await stage.clients.send(shot(sent++))
      statuses[status] = (statuses[status] ?? 0) + 1
    }
  }
  const badClient = async (until: number): Promise<void> => {
    while (performance.now() < until) await visit(port, oneOf(badVisits), random() * 15)
  }
  const trouble = async (until: number): Promise<void> => {
    while (performance.now() < until) {
      await upset(stage, oneOf(stage.targets))
      await pause(100 + random() * 200)
    }
  }

  console.log('| minute | requests | heap MB | sockets | timers | in flight | queued |\n|---|---|---|---|---|---|---|')
  while (end - performance.now() > interval / 2) {
    const until = performance.now() + interval
    await Promise.all([...Array.from({ length: 40 }, () => client(until)), ...Array.from({ length: 4 }, () => badClient(until)), trouble(until)])
    const sample = await measure(stage)
    samples.push(sample)
    const { heap, sockets, timers, inFlight, queued } = sample
    console.log(`| ${(minutes - (end - performance.now()) / 60_000).toFixed(1)} | ${sent} | ${heap.toFixed(2)} | ${sockets} | ${timers} | ${inFlight} | ${queued} |`)
  }
  console.log(`\nanswers by status (0: cut): ${JSON.stringify(statuses)}\nattempts by outcome: ${JSON.stringify(stage.outcomes)}, ${stage.ejections} ejections\n`)
  judge(samples)
})

/** Something happens to a target; it is at work again when this is over. */
async function upset ({ upstream }: Stage, target: FaultTarget): Promise<void> {
  const chance = random()
  if (chance < 0.7) {
    await target.behave(oneOf(moods))
  } else if (chance < 0.78) {
    await target.kill()
    await pause(50)
    await target.start()
  } else if (chance < 0.86) {
    await target.refuse()
    await pause(50)
    await target.listen()
  } else if (chance < 0.93) {
    upstream.update(target.id, { state: 'drain' })
    await pause(100)
    upstream.update(target.id, { state: 'ready' })
  } else {
    await upstream.remove(target.id, { drainMs: 500 })
    upstream.add({ id: target.id, url: target.url })
  }
}

/** Lets it all come to rest: idle connections to targets end in this time, those of the clients stay. */
async function measure (stage: Stage): Promise<Sample> {
  await Promise.all(stage.targets.map(target => target.behave({})))
  await stage.quiet()
  await pause(1_500)
  for (let i = 0; i < 3; i++) {
    collect!()
    await pause(20)
  }
  const resources = process.getActiveResourcesInfo()
  const held = (kind: string): number => resources.filter(resource => resource === kind).length
  return {
    heap: process.memoryUsage().heapUsed / 1_048_576,
    sockets: held('TCPSocketWrap'),
    timers: held('Timeout'),
    inFlight: stage.inFlight(),
    queued: stage.upstream.snapshot().queued
  }
}

function judge (samples: Sample[]): void {
  // Code is still being compiled and tables filled in the first third.
  const settled = samples.slice(Math.floor(samples.length / 3))
  if (settled.length < 5) throw new Error('too few samples for a slope: run it for longer')
  console.log('| | slope per sample | error | growth in the run | |\n|---|---|---|---|---|')
  for (const name of Object.keys(slack) as Array<keyof Sample>) {
    const slope: Slope = slopeOf(settled.map(sample => sample[name]))
    const growth = slope.perStep * (settled.length - 1)
    const grows = slope.perStep > 3 * slope.error && growth > slack[name](settled[0]![name])
    const left = (name === 'inFlight' || name === 'queued') && samples.some(sample => sample[name] > 0)
    console.log(`| ${name} | ${slope.perStep.toFixed(4)} | ±${slope.error.toFixed(4)} | ${growth.toFixed(2)} | ${left ? '**left over**' : grows ? '**grows**' : 'steady'} |`)
    if (grows || left) process.exitCode = 1
  }
}
