/** As much of a logger as is used for what goes on in the background. */
export interface Log {
  info (what: object, message: string): void
  warn (what: object, message: string): void
}
