/** What the commands have in common in their tables, which are markdown. */

export function table (columns, rows) {
  return [
    row(columns),
    row(columns.map((_, i) => i === 0 ? '---' : '--:')),
    ...rows.map(row)
  ].join('\n')
}

export function row (cells) {
  return `| ${cells.join(' | ')} |`
}

export function withQuartiles ({ q1, median, q3 }, digits) {
  return `${median.toFixed(digits)} (${q1.toFixed(digits)}–${q3.toFixed(digits)})`
}

/** How a run was made. */
export function described ({ rounds, seconds, cores, node, cpu, cpus }) {
  return `${rounds} rounds of ${seconds} s, node ${node}, ${cpus} × ${cpu}, ${placed(cores)}. Medians, with quartiles in brackets.`
}

function placed ({ load, proxy }) {
  if (proxy === undefined) return 'processes on any core'
  return load === proxy ? 'everything on one core' : 'the proxy on a core of its own'
}
