/** What a user sees when targets are restarted, or close their ports now and then. */
import { shortly } from './harness/short.js'
import { flap } from './scenarios/one-target.js'
import { rollingRestart } from './scenarios/restart.js'

shortly(rollingRestart, flap)
