import type { Target } from '../target.js'

/**
 * For tables that are kept by index, when the members change from `before` to `all`: gives each target the value that it had, and a newcomer
 * `otherwise`.
 */
export function carryOver (before: readonly Target[], all: readonly Target[]): (values: Float64Array, otherwise: number) => Float64Array<ArrayBuffer> {
  const indexes = new Map(before.map((target, index) => [target, index]))
  return (values, otherwise) => Float64Array.from(all, target => values[indexes.get(target) ?? -1] ?? otherwise)
}
