/**
 * The workloads by name. Each file has `title`, `shows` (what it is for) and `cases`: descriptions by name, see ../scenario.js; where the usual ones do
 * not fit, also `policies` and `columns`.
 */
import * as antagonists from './antagonists.js'
import * as brownout from './brownout.js'
import * as coldJoin from './cold-join.js'
import * as fastFailure from './fast-failure.js'
import * as flapping from './flapping.js'
import * as gray from './gray.js'
import * as halfSpeed from './half-speed.js'
import * as heavyTails from './heavy-tails.js'
import * as homogeneous from './homogeneous.js'
import * as pauses from './pauses.js'
import * as ramp from './ramp.js'
import * as zipfKeys from './zipf-keys.js'

export const workloads = {
  homogeneous,
  'half-speed': halfSpeed,
  gray,
  pauses,
  'heavy-tails': heavyTails,
  antagonists,
  'fast-failure': fastFailure,
  flapping,
  'cold-join': coldJoin,
  'zipf-keys': zipfKeys,
  brownout,
  ramp
}
