/** SRV records (RFC 2782) in our words. */
import type { SrvRecord } from 'node:dns'

/** The highest weight that a target may have. */
const MOST = 256

export interface Server { name: string, port: number, weight: number, tier: number }

/**
 * Priorities become tiers by their rank, best first. Weights of up to 65,535 become 1 to 256 in proportion, where they do not fit as they are. A
 * weight of 0, with others above it, is "hardly ever" there but "never" here: it becomes 1, and the others up to 256. All 0 is "no difference", and
 * becomes 1.
 */
export function serversOf (records: readonly SrvRecord[]): Server[] {
  const priorities = [...new Set(records.map(({ priority }) => priority))].sort((a, b) => a - b)
  return priorities.flatMap((priority, tier) => {
    const level = records.filter(record => record.priority === priority)
    const most = Math.max(...level.map(({ weight }) => weight))
    const scale = most > MOST || (most > 0 && level.some(({ weight }) => weight === 0)) ? MOST / most : 1
    return level.map(({ name, port, weight }) => ({ name, port, tier, weight: Math.max(1, Math.round(weight * scale)) }))
  })
}
