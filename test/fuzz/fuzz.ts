/** Runs cases in lanes side by side, and looks at what is left of them. */
import { setTimeout as pause } from 'node:timers/promises'
import { startGateway } from '../helpers/servers.js'
import type { Ending } from '../helpers/targets.js'
import { KINDS, Lane } from './lane.js'
import { HarmfulTarget } from './target.js'

/** Cases at a time: enough to keep the process busy while they wait for deadlines. */
const LANES = 20

export interface Fuzzing {
  seed: number
  /** Whether to go on after so many cases. */
  more: (cases: number) => boolean
  /** This case alone. */
  only?: number | undefined
}

export interface Found {
  cases: number
  /** What went wrong, with the number of its case. */
  faults: string[]
  /** MB of the heap at the end beyond what it was after the first cases. */
  growth: number
  /** Sockets of the process at the end. */
  sockets: number
}

export async function fuzz (ending: Ending, { seed, more, only }: Fuzzing): Promise<Found> {
  const lanes = await Promise.all(Array.from({ length: LANES }, (_, i) => open(ending, i)))
  // What a lane is like depends on its place, so each case has its lane.
  if (only !== undefined) lanes.splice(0, LANES, lanes[only % LANES]!)
  const faults: string[] = []
  const caught = (error: Error): void => { faults.push(`uncaught, in one of the cases ${lanes.map(({ running }) => running).join()}: ${error.stack!}`) }
  process.on('uncaughtException', caught)
  ending.teardown(() => { process.off('uncaughtException', caught) })
  let cases = 0
  const play = async (lane: Lane, goesOn: () => boolean): Promise<void> => {
    while (goesOn() && more(cases) && faults.length < 20) {
      const number = only ?? lane.next()
      const fault = await lane.play(seed, number)
      cases++
      if (fault === undefined) continue
      faults.push(`case ${number}: ${fault}`)
      // What it has lost would be missed by the next case, too.
      if (only === undefined) return
    }
  }
  // Code is still being compiled, and tables filled.
  await Promise.all(lanes.map(lane => play(lane, () => cases < 3_000)))
  const before = await heap()
  await Promise.all(lanes.map(lane => play(lane, () => true)))
  await pause(500)
  const growth = await heap() - before
  // Connections of `fetch` end some time later.
  const sockets = process.getActiveResourcesInfo().filter(resource => resource === 'TCPSocketWrap').length
  return { cases, faults, growth, sockets }
}

async function open (ending: Ending, i: number): Promise<Lane> {
  const targets = [await HarmfulTarget.start(ending), await HarmfulTarget.start(ending)]
  const { app, url } = await startGateway(ending, {
    upstreams: { shop: { ...KINDS[i % KINDS.length]!, targets: targets.map(({ url }) => url) } },
    routes: { '/': 'shop' }
  })
  return new Lane(app.upstreams.get('shop')!, targets, Number(new URL(url).port), { first: i, step: LANES })
}

async function heap (): Promise<number> {
  const collect = (globalThis as { gc?: () => void }).gc
  for (let i = 0; i < 3; i++) {
    collect?.()
    await pause(20)
  }
  return process.memoryUsage().heapUsed / 1_048_576
}
