/** Charts of what the commands of the bench write with `--json`. */
import { rowChart } from './row-chart.js'
import { ratio } from '../stats.js'

const PEER = '@fastify/http-proxy'

/** What is drawn of each command's record. */
const DRAWN = {
  proxy: ({ results, rounds, cpu, node }) => ({
    title: `CPU of the proxy per request, ÷ ${PEER}`,
    description: `Less is better. Medians of ${rounds} interleaved rounds, lines from the lower to the upper quartile. Node ${node}, ${cpu}.`,
    x: { label: `CPU ÷ ${PEER}` },
    groups: results.map(({ title, connections, targets, proxies }) => ({
      name: `${title}, ${connections} connections, ${targets} targets`,
      rows: proxies.map(({ name, rounds }) => ({ name, ...relative(rounds, proxies.find(({ name }) => name === PEER)?.rounds) }))
    }))
  }),

  features: ({ results, rounds, cpu, node }) => ({
    title: 'CPU per request with one feature on, ÷ bare',
    description: `GET 100 B. Medians of ${rounds} interleaved rounds, lines from the lower to the upper quartile. Node ${node}, ${cpu}.`,
    x: { label: 'CPU ÷ bare' },
    groups: [{ name: '', rows: results.map(({ feature, rounds }) => ({ name: feature, ...relative(rounds, results[0].rounds) })) }]
  }),

  growth: ({ results, rounds, cpu, node }) => ({
    title: 'CPU per request, ÷ the fewest',
    description: `GET 100 B. Medians of ${rounds} interleaved rounds, lines from the lower to the upper quartile. Node ${node}, ${cpu}.`,
    x: { label: 'CPU ÷ the fewest' },
    groups: results.map(({ title, entries }) => ({
      name: title,
      rows: entries.map(({ series, size, rounds }) => ({ name: `${series}, ${size}`, ...relative(rounds, entries.find(entry => entry.series === series).rounds) }))
    }))
  })
}

/** The record as an SVG. */
export function drawn (record) {
  if (!Object.hasOwn(DRAWN, record.command)) throw new RangeError(`expected what one of ${Object.keys(DRAWN).join(', ')} wrote, got ${record.command}`)
  const { x, groups, ...chart } = DRAWN[record.command](record)
  return rowChart({ ...chart, x: { ...x, ...ticksFor(groups) }, groups })
}

function relative (rounds, reference) {
  if (reference === undefined) throw new RangeError(`the file has no ${PEER}, which is what all are compared with`)
  return ratio(rounds.map(({ cpuUs }) => cpuUs), reference.map(({ cpuUs }) => cpuUs))
}

/** From 0 in steps of a quarter, a half, a whole, … to the largest median. */
function ticksFor (groups) {
  const most = Math.max(...groups.flatMap(({ rows }) => rows.map(({ median }) => median)))
  let step = 0.25
  while (most / step > 6) step *= 2
  return { ticks: Array.from({ length: Math.ceil(most / step) + 1 }, (_, i) => i * step), show: value => value.toFixed(2) }
}
