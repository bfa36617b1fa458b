/** What is known exactly of simple pools, to check the simulator by. Times are in units of the mean service time; load is a share of capacity. */

/** Time in system of M/M/1, be it served in order or shared; with sharing, also of M/G/1. */
export function single (load) {
  return 1 / (1 - load)
}

/** Time in system of M/M/k: one queue for all (Erlang C). No way of dividing requests among k cores of their own has a better mean. */
export function central (load, k) {
  // Erlang's B by its recursion, then C from it.
  let blocked = 1
  for (let i = 1; i <= k; i++) blocked = load * k * blocked / (i + load * k * blocked)
  const waits = blocked / (1 - load * (1 - blocked))
  return 1 + waits / (k * (1 - load))
}

/** Time in system when each request takes the shorter of `draws` queues of infinitely many (Mitzenmacher, IEEE TPDS 12(10), 2001). */
export function supermarket (load, draws) {
  let sum = 0
  for (let i = 1; i < 60; i++) sum += load ** ((draws ** i - draws) / (draws - 1))
  return sum
}
