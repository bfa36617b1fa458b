/** Without a configuration: three backends, a gateway before them, and what to try. */
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { LoadBalancerOptions } from '../lib/index.js'

export interface Backend { name: string, pid: number, url: string, delayMs: number }

/** A slow one shows that it is waited for, and not held against it. */
const BACKENDS = [{ name: 'ash', delayMs: 0 }, { name: 'birch', delayMs: 0 }, { name: 'cedar', delayMs: 150 }]

const PROGRAM = fileURLToPath(new URL('./backend.js', import.meta.url))

/** Three processes on free ports of the loopback interface. They end with this one. */
export function startBackends (): Promise<Backend[]> {
  return Promise.all(BACKENDS.map(async ({ name, delayMs }) => {
    const child = fork(PROGRAM, [name, '0', String(delayMs)])
    const port = await new Promise((resolve, reject) => {
      child.once('message', resolve)
      child.once('exit', code => { reject(new Error(`the backend ${name} ended with exit code ${code}`)) })
    })
    return { name, pid: child.pid!, url: `http://127.0.0.1:${port}`, delayMs }
  }))
}

export function demoBalancer (backends: readonly Backend[]): LoadBalancerOptions {
  return {
    upstreams: {
      demo: {
        targets: backends.map(({ name, url }) => ({ id: name, url })),
        // Turns are easier to follow than the default, least-requests.
        policy: 'round-robin',
        affinity: { cookie: {} },
        health: {
          active: { path: '/health', interval: 1_000, timeout: 500, fall: 2, rise: 2 },
          passive: { restoredByProbe: true }
        }
      }
    },
    routes: { '/': 'demo' },
    admin: { authorize: 'loopback' }
  }
}

/** Commands to paste into another terminal. */
export function demoText (gateway: string, backends: readonly Backend[]): string {
  const [first, second] = backends as [Backend, Backend]
  const list = backends.map(({ name, url, pid, delayMs }) =>
    `  ${name.padEnd(8)} ${url}   pid ${pid}${delayMs > 0 ? `, takes ${delayMs} ms` : ''}`)
  const sixTimes = (curl: string): string => `for i in 1 2 3 4 5 6; do ${curl} ${gateway}/hello; done`
  return `
  gateway  ${gateway}   round robin, cookie affinity, a probe every second
  look at  ${gateway}/lb/   the dashboard: live figures, drain and weights at a click
${list.join('\n')}

Try in another terminal:

  # balance: every request goes to the next backend
  ${sixTimes('curl -s')}

  # stickiness: a client that keeps its cookie keeps its backend
  rm -f /tmp/lb-cookies; ${sixTimes('curl -s -c /tmp/lb-cookies -b /tmp/lb-cookies')}

  # failure: ${second.name} answers 503 to everything. No client sees one; after two probes it gets no requests
  curl -s -X POST ${second.url}/fail
  ${sixTimes('curl -s')}
  curl -s -X POST ${second.url}/recover

  # death: ${first.name} is gone for good, and still every request is answered
  kill ${first.pid}
  ${sixTimes('curl -s')}

Ctrl-C ends it all. A gateway of your own: npm start -- example-app/gateway.example.yaml

`
}
