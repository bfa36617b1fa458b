/** The results as a table in markdown. */
import { ratio, spread } from './stats.js'

/** What every proxy is compared with. */
const REFERENCES = ['floor', 'http-proxy']

export function markdown (results, { rounds, seconds, connections, node, cpu, cpus, cores }) {
  return [
    `${rounds} rounds of ${seconds} s, ${connections} connections, node ${node}, ${cpus} × ${cpu}, ${placed(cores)}. Medians, with quartiles in brackets.`,
    '',
    row(['workload', 'proxy', 'CPU µs/request', 'requests/s', ...REFERENCES.map(name => `CPU ÷ ${name}`)]),
    row(['---', '---', '--:', '--:', ...REFERENCES.map(() => '--:')]),
    ...results.flatMap(({ title, proxies }) => proxies.map(proxy => row([
      title,
      proxy.name,
      written(spread(costs(proxy)), 1),
      spread(proxy.rounds.map(round => round.perSecond)).median.toFixed(0),
      ...REFERENCES.map(name => name === proxy.name ? '1' : written(ratio(costs(proxy), costs(proxies.find(other => other.name === name))), 2))
    ])))
  ].join('\n')
}

function placed ({ load, proxy }) {
  if (proxy === undefined) return 'processes on any core'
  return load === proxy ? 'everything on one core' : 'the proxy on a core of its own'
}

function costs ({ rounds }) {
  return rounds.map(round => round.cpuUs)
}

function written ({ q1, median, q3 }, digits) {
  return `${median.toFixed(digits)} (${q1.toFixed(digits)}–${q3.toFixed(digits)})`
}

function row (cells) {
  return `| ${cells.join(' | ')} |`
}
