/** What the targets received, of all of them together. */
import { existsSync, readFileSync } from 'node:fs'
import type { FaultTarget } from './targets.js'

export interface Entry {
  method: string
  /** How often its headers came to any target. */
  begun: number
  /** Each time it came whole. */
  whole: Array<{ bytes: number, digest: string }>
  /** How often its body broke off. */
  broken: number
}

export function readLedgers (targets: FaultTarget[]): Map<string, Entry> {
  const entries = new Map<string, Entry>()
  for (const { ledger } of targets) {
    if (ledger === undefined || !existsSync(ledger)) continue
    for (const line of readFileSync(ledger, 'utf8').split('\n')) {
      const [what, id, first, second] = line.split(' ')
      if (id === undefined) continue
      let entry = entries.get(id)
      if (entry === undefined) entries.set(id, entry = { method: '', begun: 0, whole: [], broken: 0 })
      if (what === 'B') {
        entry.begun++
        entry.method = first!
      } else if (what === 'E') {
        entry.whole.push({ bytes: Number(first), digest: second! })
      } else {
        entry.broken++
      }
    }
  }
  return entries
}
