/** `npm run docs`: writes docs/options.md and docs/types.md from the declarations in lib. */
import { writeFileSync } from 'node:fs'
import { reference } from './write.js'

for (const [path, text] of reference()) writeFileSync(path, text)
