import { expect, type Attack } from '../harness/attack.js'
import { ordinary } from '../harness/ordinary.js'

export const stolenHeaders: Attack = {
  name: 'stolen-headers',
  sent: '`Connection: x-user` beside a hook that sets `x-user`; `X_User`; decoded `..`, `%2e%2e` and `#` by `reply.balance({ path })`',
  targets: [ordinary],
  gateway: targets => ({
    plugin: { upstreams: { shop: { targets: targets.map(url => `${url}/base`) }, plain: { targets } }, routes: { '/well': 'plain', '/x': { upstream: 'shop', onRequest: (request, _reply, next) => { request.headers['x-user'] = 'guest'; next() } } } },
    after: app => { app.get('/own/*', (request, reply) => reply.balance('shop', { path: `/${(request.params as { '*': string })['*']}` })) }
  }),
  async run (stage) {
    const statuses: string[] = []
    const named = await stage.ask('GET /x HTTP/1.1\r\nHost: x\r\nX-User: root\r\nConnection: x-user, close\r\n\r\n')
    expect(/\r\nx-user: guest(?:\r|$)/i.test(named) && !/x-user: root/i.test(named), 'what a hook had set was removed')
    const underscore = await stage.ask('GET /x HTTP/1.1\r\nHost: x\r\nX_User: root\r\nConnection: close\r\n\r\n')
    expect(!/x_user/i.test(underscore), 'X_User has reached the target')
    for (const path of ['/own/%2e%2e/secret', '/own/x%2f..%2f..%2fsecret', '/own/a%23b', '/own/a%20HTTP']) {
      const got = await stage.ask(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
      statuses.push(got.slice(9, 12))
    }
    for (const head of stage.heads) expect(!/^GET \/base\/?\S*(?:\.\.|#)/.test(head), `a target was asked ${head.split('\r\n')[0]!}`)
    return `the hook's value reached the target; ${statuses.join(', ')}`
  }
}
