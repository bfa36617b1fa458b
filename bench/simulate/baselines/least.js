/** The target with the least of something, one of them by chance where several have it. */
export function least (targets, of, random) {
  let best
  let value = Infinity
  let ties = 0
  for (const target of targets) {
    const own = of(target)
    if (own < value) {
      best = target
      value = own
      ties = 1
    } else if (own === value && random() * ++ties < 1) {
      best = target
    }
  }
  return best
}
