/** Milliseconds by which requests may go out late before the figures are of this machine rather than of the gateways. */
const BUSY = 10

/** What came of it, in markdown, and whether `adaptive` has the lowest p99. */
export function tables (results, { rounds, measured, deadline }) {
  const late = percentile(results.flatMap(({ gateways }) => gateways.flatMap(({ late }) => late.flat())), 0.99, 0)
  return [
    `${rounds} round${rounds === 1 ? '' : 's'} of ${measured / 1000} s each, all gateways in turn. Milliseconds from when a request was due to the end of its answer; one that was not answered well within ${deadline} counts as that. In brackets: the rounds. 99 % of requests went out within ${late.toFixed(1)} ms of when they were due${late > BUSY ? ': the machine was busy with other things, and these figures are worth nothing' : ''}.`,
    ...results.flatMap(({ title, perSecond, gateways }) => [
      '',
      `${title}, ${perSecond.toFixed(0)} requests a second:`,
      '',
      row(['gateway', 'p50', 'p99', 'p99.9', 'missed']),
      row(['---', '--:', '--:', '--:', '--:']),
      ...gateways.map(({ name, rounds }) => row([name, ...[0.5, 0.99, 0.999].map(share => cell(rounds, share, deadline)), missed(rounds.flat())])),
      '',
      verdict(gateways, deadline)
    ])
  ].join('\n')
}

function verdict (gateways, deadline) {
  const p99 = rounds => percentile(rounds.flat(), 0.99, deadline)
  const ours = gateways.find(({ name }) => name === 'adaptive')
  const others = gateways.filter(({ name }) => /^(nginx|HAProxy)/.test(name))
  if (others.length === 0) return 'not run: p99 of adaptive below that of nginx and HAProxy: neither is installed'
  const best = others.reduce((best, other) => p99(other.rounds) < p99(best.rounds) ? other : best)
  const passes = p99(ours.rounds) < p99(best.rounds)
  return `${passes ? 'pass' : 'falls short'}: p99 of adaptive below that of nginx and HAProxy: ${p99(ours.rounds).toFixed(0)} beside ${p99(best.rounds).toFixed(0)} ms of ${best.name}`
}

function cell (rounds, share, deadline) {
  const each = rounds.map(round => percentile(round, share, deadline))
  const all = percentile(rounds.flat(), share, deadline).toFixed(0)
  return each.length === 1 ? all : `${all} (${Math.min(...each).toFixed(0)}–${Math.max(...each).toFixed(0)})`
}

/** `answers`: milliseconds, null for those that were missed. */
function percentile (answers, share, deadline) {
  const sorted = answers.map(ms => ms ?? deadline).sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]
}

function missed (answers) {
  return `${(100 * answers.filter(ms => ms === null).length / answers.length).toFixed(2)} %`
}

function row (cells) {
  return `| ${cells.join(' | ')} |`
}
