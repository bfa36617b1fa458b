/** Results as lines of a table in Markdown. */
import type { Result } from './harness/stage.js'

export const HEAD = '| attack | sent | memory over idle | event loop late | in flight afterwards | other clients | what came of it | kept |\n|---|---|--:|--:|--:|---|---|---|'

export function lineOf ({ name, sent, got, measured, inFlight, others, broken }: Result): string {
  const memory = measured === undefined ? '–' : `${figure(measured.held)} MB (process: ${figure(measured.rss)} MB)`
  const stall = measured === undefined ? '–' : `${figure(measured.stall)} ms`
  const cells = [`\`${name}\``, sent, memory, stall, inFlight ?? '–', others, got, broken.length === 0 ? 'yes' : `**no**: ${broken.join('; ')}`]
  return `| ${cells.map(cell => String(cell).replaceAll('|', '\\|')).join(' | ')} |`
}

function figure (n: number): string {
  return String(Math.max(0, Math.round(n)))
}
