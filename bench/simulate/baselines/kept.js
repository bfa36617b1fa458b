/** Something kept for each target, found by its index: a look-up for each target at each pick has to be cheap. */
export function kept (make) {
  let members = []
  let things = []
  const spare = make()
  return {
    /** One that was taken out, and still answers, gets what nobody looks at. */
    of: target => members[target.index] === target ? things[target.index] : spare,
    /** For the policy's `update`. */
    update (all) {
      const known = new Map(members.map((target, i) => [target, things[i]]))
      things = all.map(target => known.get(target) ?? make())
      members = [...all]
    }
  }
}
