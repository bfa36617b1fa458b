/** What a user sees when a target answers badly, late or not at all. */
import { shortly } from './harness/short.js'
import { cutBodies } from './scenarios/cut-bodies.js'
import { raceGet, racePost } from './scenarios/keep-alive-race.js'
import { badAnswers, failFast, hang, trickle } from './scenarios/one-target.js'

shortly(failFast, hang, trickle, badAnswers, raceGet, racePost, cutBodies)
