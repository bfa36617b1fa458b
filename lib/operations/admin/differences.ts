/** What has changed between two readings of the upstreams, so that a listener to a thousand targets gets those that did something. */
import type { TargetRow, UpstreamHead, UpstreamRow } from './rows.js'

/** What to do to the reading before to have this one. Fields that are absent have not changed. */
export interface Differences {
  /** The upstreams there are, in their order; absent when these are the same. */
  names?: string[]
  upstreams: Array<Partial<UpstreamHead> & {
    name: string
    /** Ids of its targets, in their order; absent when these are the same. */
    ids?: string[]
    targets: Array<Partial<TargetRow> & { id: string }>
  }>
}

export function differences (before: readonly UpstreamRow[], now: readonly UpstreamRow[]): Differences {
  const known = new Map(before.map(row => [row.name, row]))
  const names = now.map(row => row.name)
  return {
    ...(!same(before.map(row => row.name), names) && { names }),
    upstreams: now.map(row => upstreamDifferences(known.get(row.name), row)).filter(changes => Object.keys(changes).length > 2 || changes.targets.length > 0)
  }
}

function upstreamDifferences (before: UpstreamRow | undefined, { targets, ...head }: UpstreamRow): Differences['upstreams'][number] {
  const known = new Map((before?.targets ?? []).map(row => [row.id, row]))
  const ids = targets.map(row => row.id)
  return {
    ...fieldDifferences(before, head),
    name: head.name,
    ...(!same([...known.keys()], ids) && { ids }),
    targets: targets.map(row => ({ ...fieldDifferences(known.get(row.id), row), id: row.id })).filter(changes => Object.keys(changes).length > 1)
  }
}

function fieldDifferences<T extends object> (before: T | undefined, now: T): Partial<T> {
  if (before === undefined) return now
  const changes: Partial<T> = {}
  for (const key in now) if (!same(before[key], now[key])) changes[key] = now[key]
  return changes
}

/** Values of JSON. Text of both would be shorter to write, and takes ten times as long. */
function same (a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || a === null || typeof b !== 'object' || b === null) return false
  if (Array.isArray(a) && a.length !== (b as unknown[]).length) return false
  const [before, now] = [a, b] as Array<Record<string, unknown>>
  for (const key in now) if (!same(before![key], now![key])) return false
  for (const key in before) if (!Object.hasOwn(now!, key)) return false
  return true
}
