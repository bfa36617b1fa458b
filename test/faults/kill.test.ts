/** What a user sees when processes of targets are killed: nothing, where that is possible. */
import { shortly } from './harness/short.js'
import { killGet, killPost } from './scenarios/kill.js'

shortly(killGet, killPost)
