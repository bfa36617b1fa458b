import { badClients } from './bad-clients.js'
import { cutBodies } from './cut-bodies.js'
import { raceGet, racePost } from './keep-alive-race.js'
import { killGet, killPost } from './kill.js'
import { networkBreaks, networkLoss } from './network.js'
import { badAnswers, failFast, hang, flap, trickle } from './one-target.js'
import { rollingRestart } from './restart.js'
import type { Scenario } from './scenario.js'
import { brownout, overflow } from './too-much.js'

/** In the order of the table. */
export const scenarios: Scenario[] = [
  killGet, killPost, rollingRestart, failFast, hang, raceGet, racePost, brownout, overflow, badClients, flap, badAnswers, trickle, cutBodies,
  networkBreaks, networkLoss
]
