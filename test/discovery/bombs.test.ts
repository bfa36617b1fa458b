/** Documents that are made to do harm: a few kilobytes that would keep the process busy for ever, end it, or fill its memory. */
import t from 'tap'
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { MAX_DEPTH, MAX_LENGTH, parseJson } from '../../lib/bounded-json.js'
import { parseYaml } from '../../lib/discovery/yaml.js'
import { LONGEST_TIMEOUT } from '../../lib/options.js'
import { discovering, type Discovering } from '../helpers/discovering.js'
import { clients } from '../helpers/redis-clients.js'
import { noRedis, startRedis } from '../helpers/redis-server.js'
import { startTarget } from '../helpers/servers.js'
import { until } from '../helpers/wait.js'

const A = 'http://10.0.0.1'

const TOO_DEEP = `expected at most ${MAX_DEPTH} levels of nesting, got more`

const lines = (count: number, line: (i: number) => string): string => Array.from({ length: count }, (_, i) => line(i)).join('\n')

/** With the fault that is told, or what it begins with. */
const BOMBS = {
  'braces that open': ['{'.repeat(3_000), `line 1, column ${MAX_DEPTH + 1}: ${TOO_DEEP}`],
  'brackets that open': ['['.repeat(3_000), `line 1, column ${MAX_DEPTH + 1}: ${TOO_DEEP}`],
  'lists within lists': ['['.repeat(1_500) + ']'.repeat(1_500), `line 1, column ${MAX_DEPTH + 1}: ${TOO_DEEP}`],
  'objects within objects': ['{"a":'.repeat(700) + '1' + '}'.repeat(700), `line 1, column ${MAX_DEPTH * 5 + 1}: ${TOO_DEEP}`]
} as const

/** Of YAML only. */
const YAML_BOMBS = {
  'keys within keys': ['? '.repeat(700), `line 1, column ${MAX_DEPTH * 2 + 1}: ${TOO_DEEP}`],
  'few keys within keys': ['? '.repeat(40), 'line 1, column 3: expected a word as a key, got a list, an object or an alias'],
  'lists within lists by dashes': ['- '.repeat(1_500), `line 1, column ${MAX_DEPTH * 2 + 1}: ${TOO_DEEP}`],
  'values within values': [': '.repeat(1_500), `line 1, column ${MAX_DEPTH * 2 + 1}: ${TOO_DEEP}`],
  'both in turns': ['- ? '.repeat(700), `line 1, column ${MAX_DEPTH * 2 + 1}: ${TOO_DEEP}`],
  'objects by indentation': [lines(70, i => `${' '.repeat(i)}a:`), `line ${MAX_DEPTH + 1}, column ${MAX_DEPTH + 2}: ${TOO_DEEP}`],
  'lists in braces': [`${'[{a: '.repeat(500)}`, `line 1, column ${MAX_DEPTH / 2 * 5 + 1}: ${TOO_DEEP}`],
  'aliases of lists of aliases': [
    `a: &a [${'x,'.repeat(9)}]\n${lines(8, i => `${'bcdefghi'[i]}: &${'bcdefghi'[i]} [${`*${'abcdefgh'[i]},`.repeat(9)}]`)}`, 'Excessive alias count'
  ],
  'an alias as a key': ['- &a [x]\n- { *a : 1 }', 'line 2, column 5: expected a word as a key'],
  'a list as a key': ['[a]: 1', 'line 1, column 1: expected a word as a key'],
  'the same key again and again': ['a: 1\n'.repeat(600), 'line 2, column 1: Map keys must be unique\n'],
  'a number that is the same key': ['1: a\n"1": b', 'line 2, column 1: Map keys must be unique'],
  'commas without end': ['[' + ','.repeat(600_000), 'line 1, column 3: Unexpected , in flow sequence\n'],
  'braces that close': ['}'.repeat(3_000), 'line 1, column 1: Unexpected flow-map-end token'],
  'words without end': ['-\n'.repeat(1_000_000), 'line 500001, column 1: expected at most 1000000 words and signs, got more'],
  'documents without end': ['---\na\n'.repeat(500), 'line 3, column 1: expected one document, got another'],
  'spaces without end': [' '.repeat(MAX_LENGTH + 1), `expected at most ${MAX_LENGTH} characters, got ${MAX_LENGTH + 1}`]
} as const

function faultOf (run: () => unknown): string {
  try {
    run()
  } catch (error) {
    return (error as Error).message
  }
  return 'none'
}

// ---- the texts ------------------------------------------------------------------------------------------------------------

t.test('YAML', async t => {
  for (const [name, [text, fault]] of Object.entries({ ...BOMBS, ...YAML_BOMBS })) {
    const told = faultOf(() => parseYaml(text))
    t.equal(told.slice(0, fault.length), fault, name)
    t.ok(told.split('\n').length <= 101, `${name}: and the message is short`)
  }
})

t.test('YAML that is large and harmless takes no time that grows faster than it does', async t => {
  // The library's own look at whether keys are unique took 3 s for these.
  t.strictSame(Object.keys(parseYaml(lines(20_000, i => `a${i}: 1`)) as object).length, 20_000)
  t.strictSame((parseYaml('['.repeat(MAX_DEPTH) + ']'.repeat(MAX_DEPTH)) as unknown[]).length, 1)
  t.strictSame(parseYaml('# nothing\n'), null)
})

t.test('JSON', async t => {
  for (const [name, [text, fault]] of Object.entries(BOMBS)) t.equal(faultOf(() => parseJson(text)), fault, name)
  t.equal(faultOf(() => parseJson(`[\n "\\"[[",\n${'['.repeat(70)}`)), `line 3, column ${MAX_DEPTH}: ${TOO_DEEP}`, 'what is in a string does not count')
  t.equal(faultOf(() => parseJson(' '.repeat(10), 9)), 'expected at most 9 characters, got 10')
  t.match(faultOf(() => parseJson('["[')), /JSON/)
  t.match(faultOf(() => parseJson('["\\')), /JSON/)
  const wide = `[${'[],{},"]",'.repeat(1_000)}1]`
  t.strictSame(parseJson(wide), JSON.parse(wide))
  const deep = '['.repeat(MAX_DEPTH) + ']'.repeat(MAX_DEPTH)
  t.strictSame(parseJson(deep), JSON.parse(deep))
})

// ---- where they come from -------------------------------------------------------------------------------------------------

/** Lets the pause pass until there is another failure. */
async function fails ({ clock, discovery }: Discovering): Promise<string> {
  const { failures } = discovery.snapshot()
  await until(() => {
    // What waits is the pause, while nothing is being asked.
    if (discovery.snapshot().failures === failures && clock.pending === 1) clock.advance(10)
    return discovery.snapshot().failures > failures
  }, `failure ${failures + 1}`)
  return discovery.snapshot().lastError!
}

t.test('in a file: the last good set stays', async t => {
  const file = join(t.testdir({ targets: `- ${A}\n` }), 'targets')
  const found = discovering(t, { file, interval: 100, watch: false })
  await found.has(A)
  const few = ['braces that open', 'keys within keys', 'spaces without end'] as const
  for (const name of few) {
    const [text, fault] = { ...BOMBS, ...YAML_BOMBS }[name]
    writeFileSync(file, text)
    const told = await fails(found)
    t.equal(told, name === 'spaces without end' ? `the file has more than ${MAX_LENGTH} bytes` : fault)
    t.equal(found.ids(), A)
  }
  writeFileSync(file, `- ${A}\n- http://10.0.0.2\n`)
  await found.comesTo(`${A} http://10.0.0.2`)
})

t.test('the event loop turns while a long file is read', async t => {
  const file = join(t.testdir({ targets: lines(5_000, i => `- http://10.0.0.1:${i + 1}`) }), 'targets')
  const found = discovering(t, { file, watch: false })
  let turns = 0
  await until(() => {
    turns++
    return found.upstream.targets.size === 5_000
  }, '5,000 targets')
  t.ok(turns > 5, `${turns} turns`)
})

t.test('a pipe in place of a file is not waited for', { skip: process.platform === 'win32' }, async t => {
  const file = join(t.testdir(), 'targets')
  execFileSync('mkfifo', [file])
  const found = discovering(t, { file, watch: false })
  await found.failed(1)
  t.match(found.discovery.snapshot().lastError, /targets is no file$/)
})

t.test('in a document that is asked for: the last good set stays', async t => {
  let text: string = JSON.stringify([A])
  const registry = await startTarget(t, 'registry', (_seen, _request, response) => { response.end(text) })
  const found = discovering(t, { url: registry.url, interval: 100, timeout: LONGEST_TIMEOUT })
  await found.has(A)
  for (const [bomb, fault] of Object.values(BOMBS)) {
    text = bomb
    t.equal(await fails(found), fault)
    t.equal(found.ids(), A)
  }
  text = '[]'
  await found.comesTo('')
})

t.test('in Redis: the last good set stays', { skip: noRedis }, async t => {
  const server = await startRedis(t)
  const client = await clients.ioredis!(t, server)
  const redis = server.client
  await redis.set('targets', JSON.stringify([A]))
  const found = discovering(t, { redis: client, key: 'targets', interval: 100, timeout: LONGEST_TIMEOUT })
  await found.has(A)
  for (const [bomb, fault] of Object.values(BOMBS)) {
    await redis.set('targets', bomb)
    t.equal(await fails(found), fault)
  }
  await redis.multi().del('targets').hset('targets', { b: `{ "tags": ${'{"a":'.repeat(100)}` }).exec()
  t.equal(await fails(found), `["b"]: expected a url, or a target as JSON: line 1, column ${10 + 5 * (MAX_DEPTH - 1) + 1}: ${TOO_DEEP}`)
  t.equal(found.ids(), A)
})

// ---- how many targets -----------------------------------------------------------------------------------------------------

t.test('a set has 100,000 targets at most', async t => {
  const found = discovering(t, async function * () {
    yield [A]
    yield Array.from({ length: 100_001 }, (_, i) => `http://10.0.0.1:${i}`)
  })
  await found.failed(1)
  t.equal(found.discovery.snapshot().lastError, 'targets: expected at most 100000, got 100001')
  t.equal(found.ids(), A)
})

t.test('a set with many faults has a message of a hundred lines', async t => {
  const found = discovering(t, async function * () {
    yield Array.from({ length: 1_000 }, (_, i) => i === 0 ? { url: A, [`x${'y'.repeat(5_000)}`]: 1 } : i)
  } as never)
  await found.failed(1)
  const told = found.discovery.snapshot().lastError!.split('\n')
  t.equal(told.length, 101)
  t.equal(told.at(-1), 'and 900 more')
  t.equal(told[0]!.length, 1_001)
})
