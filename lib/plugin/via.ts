/** `Via` (RFC 9110 §7.6.3): the gateway adds itself, and finds in it requests that come back to it again and again. */
import type { FieldList } from '../engine/headers.js'
import { LoopDetectedError } from '../errors.js'

/** The gateway in `Via`: a pseudonym, since its host is nobody's business. */
const PSEUDONYM = 'fastify-load-balancer'

/** Gateways of this kind that a request may have passed before. Chains of them are short; a gateway that is its own target soon gets there. */
const MOST_PASSED = 10

/** `before`: what the request came with. Throws `FST_LB_LOOP_DETECTED`. */
export function pushVia (fields: FieldList, before: string | string[] | undefined, httpVersion: string, own: boolean): void {
  const passed = before === undefined ? '' : String(before)
  if (timesIn(passed) >= MOST_PASSED) throw new LoopDetectedError()
  if (own) fields.push('via', `${passed === '' ? '' : `${passed}, `}${httpVersion} ${PSEUDONYM}`)
  else if (before !== undefined) fields.push('via', before)
}

function timesIn (via: string): number {
  let times = 0
  for (let at = via.indexOf(PSEUDONYM); at !== -1; at = via.indexOf(PSEUDONYM, at + PSEUDONYM.length)) times++
  return times
}
