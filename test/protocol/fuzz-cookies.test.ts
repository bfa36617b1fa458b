/** Cookies that are spoilt, forged or not cookies at all are "no affinity", never an error, and never a way to a target that was not given. */
import t from 'tap'
import fc from 'fast-check'
import { startGateway, startTarget } from '../helpers/servers.js'
import { fuzz, spoilt } from './wire/fuzz.js'
import { WireClient, type Answer } from './wire/client.js'
import { valuesOf } from './wire/message.js'

const KINDS = { tokens: {}, times: { maxIdle: 3_600_000, maxLife: 7_200_000 }, 'two secrets': { secret: ['a new one, as long as it takes', 'sixteen or more characters'] } }

async function ask (url: string, cookie: string): Promise<Answer> {
  const client = await WireClient.open(url)
  client.send(`GET / HTTP/1.1\r\nHost: x\r\n${cookie === '' ? '' : `Cookie: ${cookie}\r\n`}Connection: close\r\n\r\n`)
  const answer = await client.next()
  if (answer === undefined) throw new Error('no answer')
  return answer
}

/** Name and value of the cookie that an answer sets; undefined when it sets none. */
function given (answer: Answer): string | undefined {
  const cookies = valuesOf(answer, 'set-cookie')
  if (cookies.length > 1) throw new Error(`more than one cookie: ${cookies.join()}`)
  return cookies[0]?.split(';', 1)[0]
}

t.test('whatever the cookie', async t => {
  const targets = await Promise.all(['a', 'b', 'c'].map(async name => await startTarget(t, name, (seen, _request, response) => response.end(`${name} ${String(seen.headers.cookie)}`))))
  for (const [kind, settings] of Object.entries(KINDS)) {
    await t.test(kind, async t => {
      const { url } = await startGateway(t, {
        upstreams: { shop: { targets: targets.map(({ name, url }) => ({ id: name, url })), policy: 'round-robin', affinity: { cookie: { secret: 'sixteen or more characters', ...settings } } } },
        routes: { '/': 'shop' }
      })
      const own = new Map<string, string>()
      while (own.size < 3) {
        const answer = await ask(url, '')
        own.set(given(answer)!, answer.body.toString().slice(0, 1))
      }
      const cookies = [...own.keys()]
      const pairs = fc.oneof(
        spoilt(cookies).map(bytes => bytes.toString('latin1').replace(/[^\x20-\x7e\x80-\xff]/g, '')),
        fc.constantFrom(...cookies),
        fc.constantFrom('a=b', 'lb_shop', 'lb_shop=', '=', 'lb_shop==', 'lb_shop=.', 'lb_shop=...', 'LB_SHOP=x', ' ', '"', `lb_shop=${'x'.repeat(5_000)}`, 'lb_shop="x"', '__proto__=x', 'lb_shop=__proto__', 'lb_shop=constructor')
      )
      const header = fc.array(pairs, { minLength: 1, maxLength: 4 }).chain(parts => fc.constantFrom('; ', ';', ';;', ' ; ', ',').map(separator => parts.join(separator)))
      await fuzz(t, 150, header, async header => {
        const answer = await ask(url, header.trim())
        if (answer.status !== 200) throw new Error(`answered ${answer.status}`)
        const [target, ...cookie] = answer.body.toString('latin1').split(' ')
        if (cookie.join(' ').split(';').some(part => part.trim().startsWith('lb_shop='))) throw new Error(`the target has seen ${cookie.join(' ')}`)
        // The first of that name that means something.
        const known = header.split(';').map(part => own.get(part.trim().replace(/\s*=\s*/, '='))).find(target => target !== undefined)
        if (known !== undefined && (known !== target || given(answer) !== undefined)) throw new Error(`${known}'s client was sent to ${target} and given ${given(answer)}`)
        if (known === undefined && given(answer) === undefined) throw new Error('taken for a client that is known')
      })
    })
  }
})
