/** What a user sees when idle connections to targets close just as they are used again. */
import { shortly } from './harness/short.js'
import { raceGet, racePost } from './scenarios/keep-alive-race.js'

shortly(raceGet, racePost)
