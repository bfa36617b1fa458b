/** Whatever path a client makes up, no reader at a target takes it for that of a guarded route, in whatever order the reader decodes and cleans it. */
import t from 'tap'
import fc from 'fast-check'
import { request, Agent } from 'node:http'
import type { FastifyReply } from 'fastify'
import { startGateway, startTarget } from '../helpers/servers.js'
import { fuzz } from './wire/fuzz.js'

const PARTS = [
  '/', '/', '/', 'admin', 'admin', '%61dmin', 'users', 'shop', 'x', '@me', '%40me', '.', '..', '%2e', '%2E%2e', '%2f', '%2F', '\\', '%5c', ';', '%3b', ';a=b', '%00', '%20', '%25', '%252e', '?q', '%3A', '%09', '+', '%2b', '%7e'
]

/** What servers do to a path before they look for its resource, some of it each, in orders of their own. */
const STEPS: Array<(path: string) => string> = [
  path => { try { return decodeURIComponent(path) } catch { return path } },
  path => path.split('/').map(segment => segment.split(';', 1)[0]).join('/'),
  path => path.replaceAll('\\', '/'),
  path => path.split(/\/+/).join('/'),
  path => {
    const segments: string[] = []
    for (const segment of path.split('/').slice(1)) {
      if (segment === '..') segments.pop()
      else if (segment !== '.') segments.push(segment)
    }
    return `/${segments.join('/')}`
  }
]

/** All that the path can become, with each step at most once. */
function readings (path: string, steps = STEPS): Set<string> {
  return new Set([path, ...steps.flatMap(step => [...readings(step(path), steps.filter(other => other !== step))])])
}

const isGuarded = (path: string): boolean => /^\/(?:admin|users\/@me)(?:\/|$)/.test(path)

async function ask (url: string, path: string, agent: Agent): Promise<{ status: number, body: string }> {
  return await new Promise((resolve, reject) => {
    request(url, { path, agent }, response => {
      let body = ''
      response.setEncoding('latin1').on('data', chunk => { body += chunk }).once('end', () => { resolve({ status: response.statusCode!, body }) })
    }).once('error', reject).end()
  })
}

t.test('no path that passes is read as one of a guarded route', async t => {
  const target = await startTarget(t, 'a', (seen, _request, response) => response.end(seen.url))
  const agent = new Agent({ keepAlive: true })
  t.teardown(() => { agent.destroy() })
  const guarded = { upstream: 'a', onRequest: ((_request: unknown, reply: FastifyReply) => { reply.code(403).send() }) as never }
  for (const paths of ['strict', 'normalize'] as const) {
    for (const routerOptions of [{}, { useSemicolonDelimiter: true }, { ignoreDuplicateSlashes: true, ignoreTrailingSlash: true, caseSensitive: false }]) {
      const { url } = await startGateway(t, {
        paths,
        upstreams: { a: { targets: [target.url] } },
        routes: { '/': 'a', '/shop': 'a', '/:x/users': 'a', '/admin': guarded, '/users/@me': guarded }
      }, { server: { routerOptions } as never })
      await t.test(`${paths} ${JSON.stringify(routerOptions)}`, async t => {
        const counts: Record<number, number> = {}
        await fuzz(t, 300, fc.array(fc.constantFrom(...PARTS), { minLength: 1, maxLength: 8 }).map(parts => `/${parts.join('')}`), async path => {
          const { status, body } = await ask(url, path, agent)
          counts[status] = (counts[status] ?? 0) + 1
          if (![200, 400, 403].includes(status)) throw new Error(`${status} ${body}`)
          if (status !== 200) return
          const reading = [...readings(body.split('?', 1)[0]!)].find(isGuarded)
          if (reading !== undefined) throw new Error(`${path} came as ${body}, which can be read as ${reading}`)
        })
        t.ok(counts[200]! > 0 && counts[400]! > 0, 'some pass, some do not')
      })
    }
  }
})
