/** What to take, in words. The default is taken unless another is clearly better: fewer misses, or a p99 lower by a margin and beyond what seeds do. */
import { spread } from './spread.js'

/** Share of requests by which misses have to differ. */
const MISSED = 0.0005
const MARGIN = 0.05

/** `rows`: `{ name, results }`, the default first. */
export function suits (rows) {
  const measured = rows.map(({ name, results }) => ({
    name,
    missed: spread(results.map(result => result.missedShare)),
    p99: spread(results.map(result => result.p99))
  }))
  const best = measured.reduce((best, other) => clearlyBetter(other, best) ? other : best)
  const equals = measured.filter(other => other !== best && !clearlyBetter(best, other))
  const why = `p99 ${best.p99.mean.toFixed(0)} ms, ${(best.missed.mean * 100).toFixed(2)} % missed`
  return equals.length === 0
    ? `${best.name} suits it best (${why}).`
    : `${best.name} suits it (${why}). Not clearly worse: ${equals.map(({ name }) => name).join(', ')}.`
}

function clearlyBetter (a, b) {
  if (a.missed.most + MISSED < b.missed.least) return true
  if (b.missed.most + MISSED < a.missed.least) return false
  return a.p99.most < b.p99.least && a.p99.mean < (1 - MARGIN) * b.p99.mean
}
