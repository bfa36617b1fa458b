/** What a user sees when processes of targets end: nothing, where that is possible. */
import { shortly } from './harness/short.js'
import { killGet, killPost } from './scenarios/kill.js'
import { flap } from './scenarios/one-target.js'
import { rollingRestart } from './scenarios/restart.js'

shortly(killGet, killPost, rollingRestart, flap)
