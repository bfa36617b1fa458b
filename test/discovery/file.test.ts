/** Targets in a file: real files, which are changed in all the ways that files are; time stands still but where it is said. */
import t from 'tap'
import { appendFileSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { LONGEST_TIMEOUT } from '../../lib/options.js'
import { discovering, type Discovering } from '../helpers/discovering.js'
import { matchLines } from '../helpers/lines.js'
import type { Ending } from '../helpers/servers.js'
import { until } from '../helpers/wait.js'

const A = 'http://10.0.0.1'
const B = 'http://10.0.0.2'
const C = 'http://10.0.0.3'

/** Never looked at but when the system tells of a change. */
const watching = (t: Ending, file: string): Discovering => discovering(t, { file, interval: LONGEST_TIMEOUT })

/** Never told of a change: looked at every second. */
const polling = (t: Ending, file: string): Discovering => discovering(t, { file, interval: 1_000, watch: false })

/** Lets time pass until there are so many failures. */
const fails = ({ clock, discovery }: Discovering, times: number): Promise<void> => until(() => {
  if (discovery.snapshot().failures < times) clock.advance(10)
  return discovery.snapshot().failures >= times
}, `${times} failures`)

/** Lets so much time pass, in small steps, with all that happens in it. */
async function passes ({ clock }: Discovering, ms: number): Promise<void> {
  for (const end = clock.now() + ms; clock.now() < end; clock.advance(10)) await new Promise(resolve => setImmediate(resolve))
}

// ---- what is in it --------------------------------------------------------------------------------------------------------

t.test('a list of urls and targets in YAML, or in JSON, or under "targets"', async t => {
  const texts = {
    'list.yaml': `# the shop\n- ${A}\n- { id: b, url: ${B}, weight: 2, tags: { zone: eu } }\n`,
    'targets.yml': `targets:\n  - ${A}\n  - id: b\n    url: ${B}\n    weight: 2\n    tags: { zone: eu }\n`,
    'list.json': JSON.stringify([A, { id: 'b', url: B, weight: 2, tags: { zone: 'eu' } }]),
    targets: JSON.stringify({ targets: [{ url: A }, { id: 'b', url: B, weight: 2, tags: { zone: 'eu' } }] })
  }
  const folder = t.testdir(texts)
  for (const name of Object.keys(texts)) {
    const found = watching(t, join(folder, name))
    await found.has(`${A} b`)
    t.match(found.upstream.targets.get('b')!.config, { url: B, weight: 2, tags: { zone: 'eu' } }, name)
    t.match(found.discovery.snapshot(), { kind: 'file', place: join(folder, name) })
  }
})

t.test('content that is wrong leaves the last good set, and every fault is told with its place, once', async t => {
  const file = join(t.testdir({ 'targets.yaml': `- ${A}\n` }), 'targets.yaml')
  const found = watching(t, file)
  await found.has(A)
  for (const [text, ...faults] of [
    ['- ftp://a\n- { url: http://b, weight: heavy }\n- { url: http://b }\n', /: targets\[0\]: expected a url.*\ntargets\[1\]\.weight: expected 0 to 256, got "heavy" \(string\)\ntargets\[2\]\.id: expected an id of its own/s],
    ['- { a: 1, a: 2 }\n- "\\q"\n', /: line 1, column 11: Map keys must be unique\nline 2, column 4: Invalid escape sequence \\q$/],
    ['- !secret http://a', /: line 1, column 3: Unresolved tag: !secret$/],
    ['- *nobody', /: .*nobody/],
    ['', /: document: expected a list of targets, or an object with that list under targets, got null$/],
    ['http://a', /: document: expected .*, got "http:\/\/a" \(string\)$/],
    ['target: []', /: target: unknown option; known are targets$/],
    ['targets: { a: http://a }', /: targets: expected an array of urls or targets, got an object$/]
  ] as const) {
    found.lines.length = 0
    writeFileSync(file, text)
    await fails(found, found.discovery.snapshot().failures + 1)
    matchLines(t, found.lines, faults.map(fault => new RegExp(`^warn: discovery has failed, the last good set of targets stays${fault.source}`, fault.flags)), text)
    t.equal(found.ids(), A)
  }
  writeFileSync(file, `- ${B}\n`)
  await found.comesTo(B)
  t.equal(found.lines.at(-1), 'info: discovery works again')
  writeFileSync(file, '[]')
  await found.comesTo('')
})

// ---- how it changes -------------------------------------------------------------------------------------------------------

t.test('another file in its place, as atomic writers and editors put it, is seen', async t => {
  const folder = t.testdir({ 'targets.yaml': `- ${A}\n` })
  const file = join(folder, 'targets.yaml')
  const found = watching(t, file)
  await found.has(A)
  for (const id of [B, C]) {
    writeFileSync(`${file}.tmp`, `- ${id}\n`)
    renameSync(`${file}.tmp`, file)
    await found.comesTo(id)
  }
  // The other order: the old one is moved away first.
  renameSync(file, `${file}~`)
  writeFileSync(file, `- ${A}\n`)
  await found.comesTo(A)
  t.strictSame(found.lines, [])
})

t.test('a file that is written in place is read once it is done', async t => {
  const file = join(t.testdir({ 'targets.yaml': `- ${A}\n` }), 'targets.yaml')
  const found = watching(t, file)
  await found.has(A)
  truncateSync(file)
  for (const id of [B, C]) {
    await passes(found, 90)
    // Were the file being read, it would be done before twenty looks at it are.
    for (let i = 0; i < 20; i++) await stat(file)
    appendFileSync(file, `- ${id}\n`)
  }
  await found.comesTo(`${B} ${C}`)
  t.match(found.discovery.snapshot(), { resolves: 2, failures: 0 }, 'neither nothing nor one of them was ever taken for all')
})

t.test('links as Kubernetes swaps them for a ConfigMap are seen', async t => {
  const folder = t.testdir({ '..1': { 'targets.yaml': `- ${A}\n` }, '..2': { 'targets.yaml': `- ${B}\n` } })
  symlinkSync('..1', join(folder, '..data'))
  symlinkSync('..data/targets.yaml', join(folder, 'targets.yaml'))
  const found = watching(t, join(folder, 'targets.yaml'))
  await found.has(A)
  symlinkSync('..2', join(folder, '..data_tmp'))
  renameSync(join(folder, '..data_tmp'), join(folder, '..data'))
  rmSync(join(folder, '..1'), { recursive: true })
  await found.comesTo(B)
  t.strictSame(found.lines, [])
})

t.test('what else happens in its folder is nothing to it', async t => {
  const folder = t.testdir({ 'targets.yaml': `- ${A}\n` })
  const found = watching(t, join(folder, 'targets.yaml'))
  await found.has(A)
  for (let i = 0; i < 5; i++) {
    writeFileSync(join(folder, 'other'), 'x'.repeat(i))
    await passes(found, 200)
  }
  t.match(found.discovery.snapshot(), { resolves: 1, failures: 0 })
})

t.test('a file that is gone leaves the last good set, and is seen when it is back', async t => {
  const file = join(t.testdir({ 'targets.yaml': `- ${A}\n` }), 'targets.yaml')
  const found = watching(t, file)
  await found.has(A)
  unlinkSync(file)
  await fails(found, 1)
  matchLines(t, found.lines, [/^warn: discovery has failed, the last good set of targets stays: ENOENT: no such file/])
  await passes(found, 2_000)
  t.match(found.discovery.snapshot(), { failures: 1 })
  t.equal(found.ids(), A)
  writeFileSync(file, `- ${B}\n`)
  await found.comesTo(B)
})

t.test('a file that comes later is seen then', async t => {
  const file = join(t.testdir({}), 'targets.yaml')
  const found = watching(t, file)
  await found.failed(1)
  t.notOk(found.begun())
  writeFileSync(file, `- ${A}\n`)
  await found.comesTo(A)
  await until(found.begun, 'the beginning')
})

// ---- where nothing is told ------------------------------------------------------------------------------------------------

t.test('what the system does not tell of is seen with the next look', async t => {
  const folder = t.testdir({ elsewhere: { targets: `- ${A}\n` }, here: {} })
  symlinkSync('../elsewhere/targets', join(folder, 'here/targets.yaml'))
  for (const found of [discovering(t, { file: join(folder, 'here/targets.yaml') }), polling(t, join(folder, 'elsewhere/targets'))]) {
    writeFileSync(join(folder, 'elsewhere/targets'), `- ${A}\n`)
    await found.has(A)
    writeFileSync(join(folder, 'elsewhere/targets'), `- ${B}\n`)
    await passes(found, 300)
    t.equal(found.ids(), A)
    await found.comesTo(B)
    found.discovery.close()
  }
})

t.test('a folder that is another one than before is watched in its place', async t => {
  const folder = t.testdir({ config: { 'targets.yaml': `- ${A}\n` } })
  const file = join(folder, 'config/targets.yaml')
  const found = discovering(t, { file, interval: 60_000 })
  await found.has(A)
  rmSync(join(folder, 'config'), { recursive: true })
  await fails(found, 1)
  mkdirSync(join(folder, 'config'))
  writeFileSync(file, `- ${B}\n`)
  await found.comesTo(B)
  const then = found.clock.now()
  writeFileSync(file, `- ${C}\n`)
  await found.comesTo(C)
  t.ok(found.clock.now() - then < 60_000, 'told by the system')
})

t.test('nothing is watched any more once it has ended', async t => {
  const before = watches()
  const file = join(t.testdir({ 'targets.yaml': `- ${A}\n` }), 'targets.yaml')
  const found = watching(t, file)
  await found.has(A)
  t.equal(watches(), before + 1)
  found.discovery.close()
  await until(() => watches() === before, 'the end of the watch')
  writeFileSync(file, `- ${B}\n`)
  await passes(found, 500)
  t.equal(found.ids(), A)
  t.equal(found.clock.pending, 0)
})

/** Folders and files that this process has the system watch. */
function watches (): number {
  return readdirSync('/proc/self/fdinfo').flatMap(fd => {
    try {
      return readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8').match(/^inotify wd/gm) ?? []
    } catch {
      // The one that the folder itself was read with.
      return []
    }
  }).length
}
