/** What the page says of each record: ratios, no times of a machine. */
import { row, table, withQuartiles } from '../report.js'
import { ratio, spread } from '../stats.js'

const PEER = '@fastify/http-proxy'
const FLOOR = 'floor'

/** Blocks of the page by their names. */
export function blocks (record) {
  if (!Object.hasOwn(BLOCKS, record.command)) throw new RangeError(`nothing on the page is made of ${record.command}`)
  return BLOCKS[record.command](record)
}

const BLOCKS = {
  proxy: record => ({
    proxy: [
      made(record),
      '',
      table(['workload', 'proxy', `CPU ÷ ${PEER}`, `CPU ÷ ${FLOOR}`], record.results.flatMap(({ title, connections, targets, proxies }) =>
        proxies.map(({ name, rounds }) => [
          `${title}, ${connections} connections, ${targets} targets`,
          name,
          ...[PEER, FLOOR].map(reference => relative(rounds, proxies.find(proxy => proxy.name === reference)?.rounds))
        ])))
    ].join('\n')
  }),

  features: record => ({
    features: [made(record), '', table(['on', 'CPU ÷ bare'], record.results.map(({ feature, rounds }) => [feature, relative(rounds, record.results[0].rounds)]))].join('\n')
  }),

  growth: record => ({
    growth: [
      made(record),
      '',
      table(['by', 'proxy', 'how many', 'CPU ÷ the fewest'], record.results.flatMap(({ title, entries }) => entries.map(({ series, size, rounds }) =>
        [title, series, size.toLocaleString('en'), relative(rounds, entries.find(entry => entry.series === series).rounds)])))
    ].join('\n')
  }),

  memory: ({ results: { targets, flight, idle, slope, stalls } }) => ({
    ...(targets && { targets: beside(targets, [['a target, as it is added', 'ours', 'floor'], ['a target that has had a request', 'ours, after a request each', 'floor, after a request each']]) }),
    ...(flight && { flight: beside(flight, [['a request in flight', 'ours', 'floor']]) }),
    ...(idle && { idle: beside(idle, [['an idle connection of a client', 'ours', 'plain']]) }),
    ...(slope && { slope: `${slope.requests.toLocaleString('en')} requests: ${slope.slope.toFixed(3)} ± ${slope.error.toFixed(3)} bytes a request (standard error), ${slope.grows ? '**above zero**' : 'not above zero beyond its error'}.` }),
    ...(stalls && { stalls: table(['while', 'late at most, ms', 'CPU of one turn at most, ms'], stalls.map(({ what, most, cpu }) => [what, most.toFixed(0), cpu.toFixed(0)])) })
  })
}

function made ({ rounds, seconds, node, cpu, cpus }) {
  return `${rounds} rounds of ${seconds} s, Node ${node}, ${cpus} × ${cpu}. Medians, with quartiles in brackets.`
}

function relative (rounds, reference) {
  if (reference === undefined) return ''
  return rounds === reference ? '1' : withQuartiles(ratio(costs(rounds), costs(reference)), 2)
}

function costs (rounds) {
  return rounds.map(({ cpuUs }) => cpuUs)
}

/** Bytes of one, of the other, and between them; `rows`: what for, and the names of both. */
function beside (results, rows) {
  const of = name => spread(results.find(result => result.name === name).values).median
  const whole = bytes => Math.round(bytes).toLocaleString('en')
  return [row(['for each', 'ours, bytes', 'floor', 'beyond it']), row(['---', '--:', '--:', '--:']),
    ...rows.map(([what, ours, floor]) => row([what, whole(of(ours)), whole(of(floor)), whole(of(ours) - of(floor))]))].join('\n')
}
