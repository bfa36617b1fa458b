/** Tables in markdown. */
import { spread } from '../spread.js'

/** `rows`: `{ name, results }`, the results being those of all seeds. Cells have the mean of the seeds and, where they differ, the least and the most. */
export function table (rows, columns, first = 'policy') {
  return [
    row([first, ...columns.map(({ title }) => title)]),
    row(['---', ...columns.map(() => '--:')]),
    ...rows.map(({ name, results }) => row([name, ...columns.map(column => cell(results.map(column.of), column))]))
  ].join('\n')
}

export function row (cells) {
  return `| ${cells.join(' | ')} |`
}

export function cell (values, column) {
  const { mean, least, most } = spread(values)
  const [middle, low, high] = [mean, least, most].map(value => figure(value, column))
  return low === high ? middle : `${middle} (${low}–${high})`
}

export function figure (value, { digits, share }) {
  return share ? `${(value * 100).toFixed(digits)} %` : value.toFixed(digits)
}
