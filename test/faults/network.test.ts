/** What a user sees when the network between gateway and targets is bad. */
import { shortly } from './harness/short.js'
import { networkBreaks, networkLoss } from './scenarios/network.js'

shortly(networkBreaks, networkLoss)
