import type { FastifyRequest } from 'fastify'
import { expect, type Attack } from '../harness/attack.js'
import { ordinary } from '../harness/ordinary.js'

const ESCAPES = ['/shop/;/../admin', '/shop/%3b/../admin', '/shop/x/;/../../admin', '/shop/..;/admin', '/shop/..;a=b/admin', '/shop/%2e%2e;/admin', '/shop/.%2e/admin', '/shop\\..\\admin', '/shop/%5c../admin']
const BYPASSES = ['/x/../admin/users', '/x/%2e%2e/admin/users', '/./admin/users', '/x\\..\\admin/users', '//admin', '/;/admin', '/%2fadmin', '/admin;a=b', '/%61dmin', '/x/..%2fadmin', '/x//../admin', '/admin%2fusers', '/.;/admin']

/** As the most obliging of servers would resolve it. */
function resolved (path: string): string {
  const segments: string[] = []
  for (const segment of decodeURIComponent(path.split('?')[0]!.replace(/%(?![\da-f]{2})/gi, '%25')).replaceAll('\\', '/').split('/').map(segment => segment.split(';')[0]!)) {
    if (segment === '..') segments.pop()
    else if (segment !== '' && segment !== '.') segments.push(segment)
  }
  return `/${segments.join('/')}`
}

export const paths: Attack = {
  name: 'paths',
  sent: `${ESCAPES.length} paths that lead out of \`/shop\`, ${BYPASSES.length} that lead to \`/admin\` past its hook`,
  targets: [ordinary],
  gateway: targets => ({
    plugin: {
      upstreams: { shop: { targets } },
      routes: {
        '/': 'shop',
        '/shop': 'shop',
        '/moved': { upstream: 'shop', rewritePrefix: '/shop' },
        '/admin': { upstream: 'shop', onRequest: (request: FastifyRequest, reply, next) => { reply.code(401); next(new Error('who are you?')) } }
      }
    }
  }),
  async run (stage) {
    const statuses = new Map<string, number>()
    for (const path of [...ESCAPES, ...ESCAPES.map(path => path.replace('/shop', '/moved')), ...BYPASSES]) {
      const got = await stage.ask(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
      const status = got.slice(9, 12)
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
    }
    for (const head of stage.heads) {
      const path = head.split(' ', 2)[1]!
      expect(!/^\/admin(?:$|\/)/.test(resolved(path)), `a target was asked for ${path}`)
    }
    return [...statuses].map(([status, count]) => `${count} × ${status}`).join(', ')
  }
}
