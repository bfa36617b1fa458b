/** Where the repository is. Tests run compiled, from `build/`, so a path relative to the file of a test would not lead to it. */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

function holding (file: string, folder: string): string {
  return existsSync(join(folder, file)) ? folder : holding(file, dirname(folder))
}

/** The folder of the repository, with a slash at its end. */
export const ROOT = `${holding('package.json', dirname(fileURLToPath(import.meta.url)))}/`
