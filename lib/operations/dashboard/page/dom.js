/** Elements of the page. Text goes in as text, whatever it is. */

/**
 * @template {HTMLElement} E
 * @param {string} id
 * @param {new () => E} type
 * @returns {E}
 */
export function byId (id, type) {
  const element = document.getElementById(id)
  if (!(element instanceof type)) throw new Error(`the page has no ${type.name} #${id}`)
  return element
}

/**
 * What a template has in it.
 * @param {string} id
 */
export function fromTemplate (id) {
  const { content } = byId(id, HTMLTemplateElement)
  return /** @type {HTMLElement} */ (/** @type {Element} */ (content.firstElementChild).cloneNode(true))
}

/**
 * @template {Element} [E=HTMLElement]
 * @param {Element} within
 * @param {string} name of the part, as `data-is` has it
 */
export function part (within, name) {
  return /** @type {E} */ (within.querySelector(`[data-is="${name}"]`))
}

/**
 * Only what is another text touches the page, so that a second in which nothing happens costs nothing.
 * @param {Element} element
 * @param {string} text
 */
export function setText (element, text) {
  if (element.textContent !== text) element.textContent = text
}

/**
 * @param {Element} element
 * @param {string} name
 * @param {string} value
 */
export function setAttribute (element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value)
}

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {string} text
 * @param {string} [className]
 */
export function textElement (tag, text, className = '') {
  const element = document.createElement(tag)
  element.textContent = text
  element.className = className
  return element
}
