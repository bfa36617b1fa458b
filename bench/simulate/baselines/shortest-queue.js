import { least } from './least.js'

/** Bound: the server with the fewest requests, those of all gateways and those on their way included. No gateway can know that. */
export function shortestQueue ({ serverOf }) {
  return ({ random }) => ({ pick: targets => least(targets, target => serverOf(target).committed, random) })
}
