/** A client that keeps its cookies. */
export interface Visit {
  status: number
  /** Name of the target that answered, if any did. */
  target: string | null
  /** The `Set-Cookie` fields, as they are written. */
  setCookie: string[]
  headers: Headers
  body: string
}

export class Browser {
  /** Cookies by name. */
  readonly jar = new Map<string, string>()
  readonly #url: string

  constructor (url: string) {
    this.#url = url
  }

  async get (path = '/', headers: Record<string, string> = {}): Promise<Visit> {
    const cookie = [...this.jar].map(([name, value]) => `${name}=${value}`).join('; ')
    const answer = await fetch(this.#url + path, { headers: { ...(cookie !== '' && { cookie }), ...headers } })
    const setCookie = answer.headers.getSetCookie()
    for (const line of setCookie) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line)!
      this.jar.set(name!, value!)
    }
    return { status: answer.status, target: answer.headers.get('x-target'), setCookie, headers: answer.headers, body: await answer.text() }
  }

  /** Who answers so many requests, one after the other; each once, in the order of their first answer. */
  async targets (requests = 6, path = '/'): Promise<Array<string | null>> {
    const names = new Set<string | null>()
    for (let i = 0; i < requests; i++) names.add((await this.get(path)).target)
    return [...names]
  }
}

/** Who answers so many clients, each of them new. */
export async function newClients (url: string, clients = 8): Promise<Array<string | null>> {
  const names = new Set<string | null>()
  for (let i = 0; i < clients; i++) names.add((await new Browser(url).get()).target)
  return [...names].sort()
}
