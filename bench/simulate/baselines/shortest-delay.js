import { least } from './least.js'

/** Bound: the server with the fewest requests for its speed at this moment. A server that stands still is the last to be asked. */
export function shortestDelay ({ serverOf }) {
  return ({ random }) => ({
    pick: targets => least(targets, target => {
      const { committed, speed } = serverOf(target)
      return (committed + 1) / Math.max(speed, 1e-6)
    }, random)
  })
}
