/** What a user sees when one target fails faster than the others answer, hangs, or answers byte by byte. */
import { shortly } from './harness/short.js'
import { failFast, hang, trickle } from './scenarios/one-target.js'

shortly(failFast, hang, trickle)
