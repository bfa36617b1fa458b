/** What a user sees when targets close, reset, send nonsense, or break off in mid-body. */
import { shortly } from './harness/short.js'
import { cutBodies } from './scenarios/cut-bodies.js'
import { badAnswers } from './scenarios/one-target.js'

shortly(badAnswers, cutBodies)
