/** What a user sees when there is more to do than the targets can take, and when clients are at fault. */
import { shortly } from './harness/short.js'
import { badClients } from './scenarios/bad-clients.js'
import { brownout, overflow } from './scenarios/too-much.js'

shortly(brownout, overflow, badClients)
