import { isIP, type LookupFunction } from 'node:net'

/** What to hand to `connect` for a target that has an `address`: whatever host is asked for, it is there. Undefined for one that has none. */
export function fixedLookup (address: string | undefined): { lookup: LookupFunction } | undefined {
  if (address === undefined) return undefined
  const family = isIP(address)
  return {
    lookup: (_host, { all }, callback) => {
      // Node's types know the callback for one address only.
      if (all === true) (callback as unknown as (error: null, found: unknown[]) => void)(null, [{ address, family }])
      else callback(null, address, family)
    }
  }
}
