import t from 'tap'
import fc from 'fast-check'
import { findCookie, withoutCookies } from '../../lib/plugin/cookies.js'

t.test('findCookie gives the value of a cookie as it is written', async t => {
  for (const [header, value] of [
    [undefined, undefined],
    ['', undefined],
    ['lb=x', 'x'],
    ['a=1; lb=x; b=2', 'x'],
    ['a=1;lb=x;b=2', 'x'],
    ['  lb  =  x  ;a=1', 'x'],
    ['lb=', ''],
    ['lb="x"', '"x"'],
    ['lb=%41', '%41'],
    ['lb=a=b', 'a=b'],
    ['lb=first; lb=second', 'first'],
    ['lb', undefined],
    ['lb; lb=x', 'x'],
    ['xlb=1; lbx=2; LB=3', undefined],
    ['a=lb=1', undefined],
    ['a; b; c=1; lb=x', 'x'],
    [';;;lb=x;;;', 'x'],
    ['=x; lb', undefined],
    ['lb;=x', undefined]
  ] as const) {
    t.equal(findCookie(header, 'lb'), value, String(header))
  }
})

t.test('withoutCookies takes out the cookies of these names, and nothing else', async t => {
  const names = new Set(['lb_shop', 'lb_api'])
  for (const [header, rest] of [
    ['', ''],
    ['a=1', 'a=1'],
    ['lb_shop=x', ''],
    ['lb_shop=x; lb_api=y', ''],
    ['lb_shop=x; a=1', 'a=1'],
    ['a=1; lb_shop=x', 'a=1'],
    ['a=1; lb_shop=x; b=2', 'a=1; b=2'],
    ['a=1;lb_api=y;b=2', 'a=1;b=2'],
    ['lb_shop=x; a=1; lb_shop=y', 'a=1'],
    ['a=1; lb_shop; b=2', 'a=1; lb_shop; b=2'],
    ['lb_shopping=1; xlb_shop=2; LB_SHOP=3', 'lb_shopping=1; xlb_shop=2; LB_SHOP=3'],
    ['a=lb_shop=x; b="; lb_shop=y"', 'a=lb_shop=x; b="'],
    ['a="1, 2"; b=%20; c=é; lb_shop=x; d=', 'a="1, 2"; b=%20; c=é; d='],
    ['lb_shop=x; =a; ; b', '=a; ; b']
  ] as const) {
    t.equal(withoutCookies(header, names), rest, header)
  }
})

t.test('the last byte of a cookie stays, also where it looks like a space', async t => {
  // `voilà` in UTF-8, as Node shows the bytes of a header: its last byte is that of a non-breaking space.
  const cookie = 'word=voil\xc3\xa0'
  t.equal(withoutCookies(`lb=x; ${cookie}`, new Set(['lb'])), cookie)
  t.equal(withoutCookies(`${cookie}; lb=x`, new Set(['lb'])), cookie)
})

/** Headers made of the pieces that matter, besides anything a header may hold. */
const header = fc.oneof(
  fc.array(fc.constantFrom('lb', 'a', '=', ';', '; ', ' ', 'x', '"', ',', '\xa0', '\t'), { maxLength: 30 }).map(pieces => pieces.join('')),
  fc.string({ unit: fc.integer({ min: 0x20, max: 0xff }).map(code => String.fromCharCode(code)), maxLength: 200 })
)

t.test('whatever the header is: what is found is what the plainest reading of it finds', async () => {
  fc.assert(fc.property(header, text => {
    const pairs = text.split(';').filter(part => part.includes('='))
    const found = pairs.find(part => part.slice(0, part.indexOf('=')).trim() === 'lb')
    return findCookie(text, 'lb') === found?.slice(found.indexOf('=') + 1).trim()
  }), { numRuns: 2_000 })
})

t.test('whatever the header is: nothing of ours is left, everything else is, in its order', async () => {
  const names = new Set(['lb'])
  fc.assert(fc.property(header, text => {
    const rest = withoutCookies(text, names)
    if (findCookie(text, 'lb') === undefined) return rest === text
    const others = text.split(';').filter(part => !(part.includes('=') && part.slice(0, part.indexOf('=')).trim() === 'lb'))
    return findCookie(rest, 'lb') === undefined && rest === others.join(';').replace(/^[ \t]+/, '')
  }), { numRuns: 2_000 })
})
