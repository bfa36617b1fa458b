/** The process of the gateway: starts what the attack asks for, and measures itself. Arguments: the attack, the targets as JSON, the plugin's file. */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import Fastify, { type FastifyInstance } from 'fastify'
import type { default as Plugin } from '../../../lib/index.js'
import { attacks } from '../attacks/index.js'
import type { Measured, Question, Rest } from './messages.js'

const [name, targets, file] = process.argv.slice(2)
const { default: loadBalancer } = await import(file!) as { default: typeof Plugin }
const collect = (globalThis as { gc?: () => void }).gc!
const uncaught: string[] = []
// A script that was ended leaves nothing behind.
process.on('disconnect', () => { process.exit() })

const { plugin, server, after, listening } = attacks.find(attack => attack.name === name)!.gateway(JSON.parse(targets!) as string[])
const app = Fastify(server as object) as FastifyInstance
await app.register(loadBalancer, plugin)
after?.(app)
const url = await app.listen({ port: 0, host: '127.0.0.1' })
listening?.(app, url)

const MB = 1_048_576
const delay = monitorEventLoopDelay({ resolution: 5 })
let idle = { held: 0, rss: 0 }
let peak = { held: 0, rss: 0 }
let collected = 0

function now (): { held: number, rss: number } {
  const { heapUsed, external, rss } = process.memoryUsage()
  return { held: (heapUsed + external) / MB, rss: rss / MB }
}

/** Garbage is collected now and then only: that takes time itself. */
function sample (): void {
  const { held, rss } = now()
  peak.rss = Math.max(peak.rss, rss)
  if (held < peak.held || performance.now() - collected < 300) return
  collect()
  collected = performance.now()
  peak.held = Math.max(peak.held, now().held)
}

function begin (): void {
  for (let i = 0; i < 3; i++) collect()
  idle = now()
  peak = { ...idle }
  setInterval(sample, 20).unref()
  delay.enable()
  delay.reset()
}

function end (): Measured {
  const stall = delay.max / 1e6
  sample()
  return { held: peak.held - idle.held, rss: peak.rss - idle.rss, stall, uncaught }
}

function rest (): Rest {
  const snapshots = [...app.upstreams].map(upstream => upstream.snapshot())
  return {
    inFlight: snapshots.reduce((sum, { targets }) => sum + targets.reduce((sum, { inFlight }) => sum + inFlight, 0), 0),
    queued: snapshots.reduce((sum, { queued }) => sum + queued, 0)
  }
}

process.on('message', (question: Question) => {
  if (question === 'begin') begin()
  process.send!({ question, answer: question === 'end' ? end() : rest() })
})
process.on('uncaughtException', error => { uncaught.push(error.message.split('\n')[0]!) })
process.send!({ question: 'listening', answer: url })
