/**
 * `npm run fuzz`: clients and targets that both send spoilt messages, cut them anywhere, and leave when they like. After each case nothing may be in
 * flight, no connection may be left, and a fresh request must be served; at the end the heap must not have grown. Exits with 1 otherwise.
 *
 *     --minutes 10     (default 1)
 *     --seed 7         other cases (default: a random one, which is printed)
 *     --case 123       that case alone, again and again: twenty times
 */
import { parseArgs } from 'node:util'
import { fuzz } from './fuzz.js'

/** MB that the heap may grow by. */
const GROWTH = 8

/** Listening sockets are none of these; the requests that look whether all is well keep a few. */
const SOCKETS = 60

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '1' }, seed: { type: 'string' }, case: { type: 'string' } } })
const seed = values.seed === undefined ? Math.floor(Math.random() * 0x7fffffff) : Number(values.seed)
const end = performance.now() + Number(values.minutes) * 60_000

const only = values.case === undefined ? undefined : Number(values.case)
const more = (cases: number): boolean => only === undefined ? performance.now() < end : cases < 20

console.log(`--seed ${seed}, Node ${process.version}`)
const endings: Array<() => unknown> = []
const { cases, faults, growth, sockets } = await fuzz({ teardown: run => { endings.unshift(run) } }, { seed, more, only })
const broken = [...faults]
if (only === undefined && growth > GROWTH) broken.push(`the heap has grown by ${growth.toFixed(1)} MB`)
if (sockets > SOCKETS) broken.push(`${sockets} sockets are open`)
console.log(`${cases} cases: ${broken.length === 0 ? 'nothing is left of them' : ''} (heap ${growth.toFixed(1)} MB more, ${sockets} sockets)`)
for (const fault of broken) console.log(`${fault}\n    npm run fuzz -- --seed ${seed}${/^case (\d+)/.test(fault) ? ` --case ${/^case (\d+)/.exec(fault)![1]!}` : ''}`)
process.exit(broken.length === 0 ? 0 : 1)
