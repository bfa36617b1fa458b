import { kept } from './kept.js'
import { least } from './least.js'

/**
 * C3's ranking (Suresh et al., NSDI 2015) as Elasticsearch has it, without rate control: least `R - s + q³ s`, from averages of the response time R as seen
 * here, and of the service time s and the queue, which servers report with each answer; q = 1 + own requests in flight × number of clients + queue.
 */
const ALPHA = 0.3

export function c3 ({ gateways }) {
  return ({ random }) => {
    const { of, update } = kept(() => ({ known: false, response: 0, service: 0, queue: 0 }))

    function score (target) {
      const entry = of(target)
      // A server that is not known yet is asked, one request at a time.
      if (!entry.known) return target.inFlight === 0 ? 0 : Infinity
      const q = 1 + target.inFlight * gateways + entry.queue
      return entry.response - entry.service + q * q * q * entry.service
    }

    return {
      update,
      pick: targets => least(targets, score, random) ?? targets[Math.floor(random() * targets.length)],
      answered (target, { status, ttfbMs, header }) {
        if (status >= 500) return
        const entry = of(target)
        const share = entry.known ? ALPHA : 1
        entry.known = true
        entry.response += share * (ttfbMs - entry.response)
        entry.service += share * (Number(header('server-time')) - entry.service)
        entry.queue += share * (Number(header('server-queue')) - entry.queue)
      }
    }
  }
}

/** What its servers report: how many requests wait, and how long this one was worked on, in milliseconds. */
export function reportQueue (server, job, now) {
  return [SERVER_QUEUE, Buffer.from(String(server.waiting)), SERVER_TIME, Buffer.from((now - job.startedAt).toFixed(2))]
}

const SERVER_QUEUE = Buffer.from('server-queue')
const SERVER_TIME = Buffer.from('server-time')
