import { parentPort } from 'node:worker_threads'
import { simulate } from './engine/simulation.js'

parentPort.on('message', ({ scenario, policy, seed }) => {
  parentPort.postMessage(simulate(scenario, policy, seed))
})
