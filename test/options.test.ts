import t from 'tap'
import { InvalidOptionsError } from '../lib/errors.js'
import {
  array, boolean, checked, defaultsOf, fault, faultsWith, func, integer, isObject, milliseconds, number, object, oneOf, optional, record, refuse, seconds, string,
  switchable, type Check, type Doubt
} from '../lib/options.js'

function faultsOf (check: Check<unknown>, value: unknown, path = 'it'): string[] {
  const faults: string[] = []
  check(value, path, faults)
  return faults
}

/** What a check takes as it is, and what it refuses, with what it says was expected. */
function describe (what: string, check: Check<unknown>, taken: unknown[], expected: string, refused: Array<[value: unknown, shown: string]>): void {
  t.test(`${what} takes what it should, unchanged`, async t => {
    for (const value of taken) t.equal(checked(check, value, 'it'), value)
  })
  t.test(`${what} refuses everything else, and says what it wants and what it got`, async t => {
    for (const [value, shown] of refused) t.same(faultsOf(check, value), [`it: expected ${expected}, got ${shown}`])
  })
}

// ---- one value --------------------------------------------------------------------------------------------------------

describe('boolean', boolean, [true, false], 'true or false', [['true', '"true" (string)'], [0, '0'], [undefined, 'nothing']])

describe('string', string, ['a', ' '], 'a string that is not empty', [['', '"" (string)'], [1, '1'], [null, 'null']])

describe('func', func(), [() => 1, class {}], 'a function', [['() => 1', '"() => 1" (string)'], [{}, 'an object']])

describe('number without an upper limit', number(0.5), [0.5, 1, 1e9, Infinity], 'a number from 0.5', [
  [0.4, '0.4'], [NaN, 'NaN'], [-Infinity, '-Infinity'], ['1', '"1" (string)'], [1n, '1n']
])

describe('number with both limits', number(0, 1), [0, 0.5, 1], '0 to 1', [[1.01, '1.01'], [-0.01, '-0.01'], [NaN, 'NaN'], [true, 'true']])

describe('integer without an upper limit', integer(1), [1, 2, Number.MAX_SAFE_INTEGER, Infinity], 'a whole number from 1', [
  [0, '0'], [1.5, '1.5'], [2 ** 53, '9007199254740992'], [NaN, 'NaN'], ['1', '"1" (string)']
])

describe('integer with both limits', integer(0, 256), [0, 2, 256], '0 to 256', [
  ['2', '"2" (string)'], [257, '257'], [-1, '-1'], [1.5, '1.5'], [Infinity, 'Infinity'], [NaN, 'NaN']
])

describe('milliseconds', milliseconds(), [0, 0.5, 30_000, 2147483647], 'milliseconds, 0 to 2147483647, or text such as "5s" or "500ms"', [
  ['30 s', '"30 s" (string)'], ['5', '"5" (string)'], ['-5s', '"-5s" (string)'], ['25d', '"25d" (string)'], [`${'9'.repeat(40)}s`, `"${'9'.repeat(40)}s" (string)`], [-1, '-1'], [2147483648, '2147483648'], [Infinity, 'Infinity'], [NaN, 'NaN']
])

t.test('durations may be text with a unit, which is never doubted', async t => {
  const doubts: Doubt[] = []
  const faults = faultsWith(doubts)
  const texts = { '5ms': 5, '500ms': 500, '5s': 5_000, '1m': 60_000, '1.5h': 5_400_000, '7d': 604_800_000, '0s': 0 }
  for (const [text, ms] of Object.entries(texts)) t.equal(milliseconds(0, 1_000)(text, 'interval', faults), ms)
  t.strictSame([faults.length, doubts], [0, []])
  t.equal(seconds('7d', 'maxAge', faults), 604_800)
  t.equal(seconds(60, 'maxAge', faults), 60)
  t.equal(faults.length, 0)
})

t.test('a number that is too short to be meant as milliseconds is doubted, where doubts are wanted', async t => {
  const doubts: Doubt[] = []
  for (const value of [0, 5, 99, 100]) milliseconds(0, 100)(value, 'interval', faultsWith(doubts))
  t.strictSame(doubts, [{ option: 'interval', value: 5 }, { option: 'interval', value: 99 }])
  t.equal(milliseconds(0, 100)(5, 'interval', []), 5)
})

describe('milliseconds with a lower limit', milliseconds(1), [1], 'milliseconds, 1 to 2147483647, or text such as "5s" or "500ms"', [[0, '0']])

describe('oneOf', oneOf<string | number | boolean>('a', 'b', 3, false), ['a', 'b', 3, false], "'a' or 'b' or 3 or false", [
  ['c', '"c" (string)'], ['3', '"3" (string)'], [true, 'true'], [undefined, 'nothing'], [['a'], 'an array']
])

t.test('What was got is shown with its type, short and on one line', async t => {
  const shown = (value: unknown) => faultsOf(oneOf('x'), value)[0]!.split(', got ')[1]
  t.equal(shown(undefined), 'nothing')
  t.equal(shown(null), 'null')
  t.equal(shown('2'), '"2" (string)')
  t.equal(shown('two\nlines "quoted"'), '"two\\nlines \\"quoted\\"" (string)')
  t.equal(shown('y'.repeat(60)), `"${'y'.repeat(60)}" (string)`)
  t.equal(shown('y'.repeat(61)), `"${'y'.repeat(60)}…" (string)`)
  t.equal(shown(-0.5), '-0.5')
  t.equal(shown(false), 'false')
  t.equal(shown(12n), '12n')
  t.equal(shown(() => 1), 'a function')
  t.equal(shown(Symbol('secret')), 'a symbol')
  t.equal(shown([1]), 'an array')
  t.equal(shown({ secret: 1 }), 'an object')
})

// ---- around a value ---------------------------------------------------------------------------------------------------

t.test('An optional value may be absent, and then is the default, unchecked', async t => {
  t.equal(checked(optional(integer(1)), undefined, ''), undefined)
  t.equal(checked(optional(integer(1), 5), undefined, ''), 5)
  t.equal(checked(optional(integer(1), 0), undefined, ''), 0)
  t.equal(checked(optional(integer(1), 5), 7, ''), 7)
  t.same(faultsOf(optional(integer(1), 5), 0), ['it: expected a whole number from 1, got 0'])
  t.same(faultsOf(optional(integer(1), 5), null), ['it: expected a whole number from 1, got null'], 'null is not absent')
})

t.test('What can be switched off is off with false, and otherwise checked', async t => {
  const on = switchable(integer(1), 5)
  t.equal(checked(on, undefined, ''), 5)
  t.equal(checked(on, false, ''), false)
  t.equal(checked(on, 7, ''), 7)
  t.same(faultsOf(on, true), ['it: expected a whole number from 1, got true'])
  t.equal(checked(switchable(integer(1), false), undefined, ''), false)
})

// ---- many values ------------------------------------------------------------------------------------------------------

t.test('An array is checked item by item', async t => {
  const given = [1, 2]
  const result = checked(array(integer(1)), given, 'list')
  t.same(result, [1, 2])
  t.not(result, given, 'and is not the one that was given')
  t.same(checked(array(optional(integer(1), 9)), [undefined], 'list'), [9])
  t.same(faultsOf(array(integer(1)), [1, 0, 'x'], 'list'), [
    'list[1]: expected a whole number from 1, got 0',
    'list[2]: expected a whole number from 1, got "x" (string)'
  ])
})

t.test('What is no array is refused as a whole', async t => {
  for (const value of [{ length: 1 }, 'abc', null, undefined]) {
    const faults: string[] = []
    t.same(array(integer(1))(value, 'list', faults), [])
    t.match(faults, [/^list: expected an array, got /])
  }
})

t.test('A record is checked value by value, under whatever names', async t => {
  t.same(checked(record(integer(1)), { a: 1, 'b c': 2 }, 'it'), { a: 1, 'b c': 2 })
  t.same(faultsOf(record(integer(1)), { a: 0, 'b-c': 0, '': 0, $d_1: 0, '/e': 0, '1f': 0 }), [
    'it.a: expected a whole number from 1, got 0',
    'it["b-c"]: expected a whole number from 1, got 0',
    'it[""]: expected a whole number from 1, got 0',
    'it.$d_1: expected a whole number from 1, got 0',
    'it["/e"]: expected a whole number from 1, got 0',
    'it["1f"]: expected a whole number from 1, got 0'
  ])
})

t.test('What is no record is refused as a whole', async t => {
  for (const value of [[], 'abc', null, undefined, () => 1]) {
    const faults: string[] = []
    t.same(record(integer(1))(value, 'it', faults), {})
    t.match(faults, [/^it: expected an object, got /])
  }
})

interface Shop { size: number, name?: string | undefined, open: boolean }

const shop = object<Shop>({ size: integer(1), name: optional(string), open: optional(boolean, true) })

t.test('An object has its fields checked and its defaults filled in', async t => {
  const given = { size: 2 }
  const result = checked(shop, given, 'shop')
  t.strictSame(result, { size: 2, open: true })
  t.not('name' in result, 'what is absent and has no default is not there at all')
  t.strictSame(given, { size: 2 }, 'what was given is left as it is')
  t.strictSame(checked(shop, { size: 2, name: 'x', open: false }, 'shop'), { size: 2, name: 'x', open: false })
})

t.test('A key that is not known is refused, and those that are known are named', async t => {
  t.same(faultsOf(shop, { size: 2, sise: 3, 'a-b': 1 }, 'shop'), [
    'shop.sise: unknown option; known are size, name, open',
    'shop["a-b"]: unknown option; known are size, name, open'
  ])
  t.same(faultsOf(shop, { size: 2, toString: 1, constructor: 2 }, 'shop').length, 2, 'what every object has by birth is not known')
  t.same(faultsOf(shop, JSON.parse('{ "size": 2, "__proto__": {} }'), 'shop'), ['shop.__proto__: unknown option; known are size, name, open'])
})

t.test('What is no object is refused as a whole', async t => {
  for (const value of [[], 'abc', null, undefined, 5]) {
    const faults: string[] = []
    t.same(shop(value, 'shop', faults), {})
    t.match(faults, [/^shop: expected an object, got /])
  }
})

t.test('The defaults of an object are what it is without anything', async t => {
  t.strictSame(defaultsOf(object<{ a?: number, b: number }>({ a: optional(integer(1)), b: optional(integer(1), 3) })), { b: 3 })
})

t.test('An object is one that is neither null nor an array', async t => {
  t.same([{}, Object.create(null), [], null, 'x', undefined, () => 1].map(isObject), [true, true, false, false, false, false, false])
})

// ---- all together -----------------------------------------------------------------------------------------------------

const options = object({
  upstreams: record(object({
    targets: array(object({ url: string, weight: optional(integer(0, 256), 1) })),
    retry: switchable(object<{ attempts: number }>({ attempts: optional(integer(1), 3) }), false)
  }))
} as never)

t.test('A fault names the path of the value from the top', async t => {
  t.same(faultsOf(options, { upstreams: { shop: { targets: [{ url: 'http://a', weight: '2' }] } } }, ''), [
    'upstreams.shop.targets[0].weight: expected 0 to 256, got "2" (string)'
  ])
})

t.test('Every fault is listed in one error', async t => {
  const wrong = {
    upstreams: {
      shop: { targets: [{ url: '', weight: '2' }, 'http://b'], retry: { attempts: 0 } },
      'my-shop': { targets: [{ url: 'http://a', wait: 3 }], retries: false },
      none: null
    },
    admin: true
  }
  t.throws(() => checked(options, wrong, ''), {
    code: 'FST_LB_INVALID_OPTIONS',
    message: [
      'admin: unknown option; known are upstreams',
      'upstreams.shop.targets[0].url: expected a string that is not empty, got "" (string)',
      'upstreams.shop.targets[0].weight: expected 0 to 256, got "2" (string)',
      'upstreams.shop.targets[1]: expected an object, got "http://b" (string)',
      'upstreams.shop.retry.attempts: expected a whole number from 1, got 0',
      'upstreams["my-shop"].retries: unknown option; known are targets, retry',
      'upstreams["my-shop"].targets[0].wait: unknown option; known are url, weight',
      'upstreams.none: expected an object, got null'
    ].join('\n')
  })
})

t.test('A percent sign in a value stands in the message as it is', async t => {
  t.throws(() => checked(integer(1), '%s %d %%', 'it'), { message: 'it: expected a whole number from 1, got "%s %d %%" (string)' })
})

t.test('A fault at the top is one of the options', async t => {
  const faults: string[] = []
  fault(faults, '', 'an object', 5)
  t.same(faults, ['options: expected an object, got 5'])
})

t.test('Without faults nothing is refused', async t => {
  t.doesNotThrow(() => { refuse([]) })
  t.throws(() => { refuse(['one', 'two']) }, new InvalidOptionsError('one\ntwo'))
})

t.test('A record refuses the one name that would change what it is', async t => {
  const faults: string[] = []
  const result = record(string)(JSON.parse('{"a":"b","__proto__":"c"}'), 'names', faults)
  t.strictSame(faults, ['names.__proto__: expected another name'])
  t.strictSame(result, { a: 'b' })
})
